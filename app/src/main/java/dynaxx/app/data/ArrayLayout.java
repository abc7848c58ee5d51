package dynaxx.app.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the elements of an array lie in the bytes of a file, as its header says.
 *
 * @param type of the elements
 * @param order of their bytes
 * @param fortran whether the first axis runs fastest, not the last
 * @param shape extents
 * @param offset where the elements begin
 */
record ArrayLayout(
    ArrayType type, ByteOrder order, boolean fortran, List<Long> shape, long offset) {

  /** What every .npy file begins with. */
  static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  private static final int LONGEST_HEADER = 1 << 16;
  private static final int MOST_AXES = 32;
  private static final Pattern TYPE = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
  private static final Pattern RECORDS = Pattern.compile("'descr'\\s*:\\s*\\[");
  private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([^)]*)\\)");

  /** Whether a file begins like an IDX file. */
  static boolean isIdx(MemorySegment all) {
    return all.byteSize() > 4 && starts(all, 0, 0) && idxType(all) != null;
  }

  static boolean starts(MemorySegment all, int... magic) {
    for (int i = 0; i < magic.length; i++) {
      if (all.byteSize() <= i || octet(all, i) != (magic[i] & 0xff)) {
        return false;
      }
    }
    return true;
  }

  private static int octet(MemorySegment all, long at) {
    return Byte.toUnsignedInt(all.get(ValueLayout.JAVA_BYTE, at));
  }

  /** That of a .npy file, by its header. */
  static ArrayLayout npy(Path file, MemorySegment all) {
    if (all.byteSize() < 12 || !starts(all, 0x93, 'N', 'U', 'M', 'P', 'Y')) {
      throw ArrayFile.refused(file, "no NumPy header", "a .npy file");
    }
    int version = octet(all, 6);
    if (version < 1 || version > 3) {
      throw ArrayFile.refused(file, "format version " + version, "1, 2 or 3");
    }
    int first = version == 1 ? 10 : 12;
    long length = octet(all, 8) | octet(all, 9) << 8;
    if (version > 1) {
      length |= (long) octet(all, 10) << 16 | (long) octet(all, 11) << 24;
    }
    if (length > LONGEST_HEADER || first + length > all.byteSize()) {
      throw ArrayFile.refused(file, "a header of " + length + " bytes", "one within the file");
    }
    byte[] header = all.asSlice(first, length).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(header, StandardCharsets.ISO_8859_1);
    String code = code(file, text);
    ArrayType type = ArrayType.of(code);
    if (type == null) {
      throw ArrayFile.refused(file, "element type " + code, "one of " + ArrayType.known());
    }
    boolean fortran = group(file, ORDER, text, "order").equals("True");
    ByteOrder order = code.startsWith(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    ArrayLayout found = new ArrayLayout(type, order, fortran, shape(file, text), first + length);
    checkSize(file, found, all.byteSize());
    return found;
  }

  private static String code(Path file, String header) {
    if (RECORDS.matcher(header).find()) {
      throw ArrayFile.refused(file, "an array of records", "numbers of type " + ArrayType.known());
    }
    return group(file, TYPE, header, "element type");
  }

  private static String group(Path file, Pattern pattern, String header, String what) {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw ArrayFile.refused(
          file, "a header without " + what, "'descr', 'fortran_order' and 'shape'");
    }
    return matcher.group(1);
  }

  private static List<Long> shape(Path file, String header) {
    String text = group(file, SHAPE, header, "shape");
    List<Long> shape = new ArrayList<>();
    for (String part : text.split(",")) {
      if (part.isBlank()) {
        continue;
      }
      try {
        shape.add(Long.parseLong(part.strip()));
      } catch (NumberFormatException e) {
        throw ArrayFile.refused(file, "shape (" + text + ")", "whole numbers");
      }
    }
    if (shape.size() > MOST_AXES || shape.stream().anyMatch(d -> d < 0)) {
      throw ArrayFile.refused(
          file, "shape (" + text + ")", "at most " + MOST_AXES + " extents from 0");
    }
    return List.copyOf(shape);
  }

  /** Element type of an IDX file (LeCun, Cortes and Burges), or null. */
  private static ArrayType idxType(MemorySegment all) {
    return switch (octet(all, 2)) {
      case 0x08 -> ArrayType.UINT8;
      case 0x09 -> ArrayType.INT8;
      case 0x0b -> ArrayType.INT16;
      case 0x0c -> ArrayType.INT32;
      case 0x0d -> ArrayType.FLOAT32;
      case 0x0e -> ArrayType.FLOAT64;
      default -> null;
    };
  }

  /**
   * That of an IDX file, by its header.
   *
   * @param file its path or name, for messages
   */
  static ArrayLayout idx(Object file, MemorySegment all) {
    if (!isIdx(all)) {
      throw ArrayFile.refused(file, "no IDX header", "an IDX file, plain or compressed by gzip");
    }
    int axes = octet(all, 3);
    long offset = 4 + 4L * axes;
    if (axes > MOST_AXES || offset > all.byteSize()) {
      throw ArrayFile.refused(file, "an IDX header of " + axes + " axes", "one within the file");
    }
    List<Long> shape = new ArrayList<>();
    for (int a = 0; a < axes; a++) {
      long at = 4 + 4L * a;
      shape.add(
          (long) octet(all, at) << 24
              | octet(all, at + 1) << 16
              | octet(all, at + 2) << 8
              | octet(all, at + 3));
    }
    ArrayLayout found = new ArrayLayout(idxType(all), ByteOrder.BIG_ENDIAN, false, shape, offset);
    checkSize(file, found, all.byteSize());
    return found;
  }

  private static void checkSize(Object file, ArrayLayout layout, long fileBytes) {
    long expected;
    try {
      long size = layout.shape.stream().reduce(1L, Math::multiplyExact);
      expected = Math.addExact(layout.offset, Math.multiplyExact(size, layout.type.bytes()));
    } catch (ArithmeticException e) {
      throw ArrayFile.refused(file, "shape " + layout.shape, "one that fits the file");
    }
    if (fileBytes != expected) {
      throw ArrayFile.refused(file, fileBytes + " bytes", expected + " for shape " + layout.shape);
    }
  }

  /** Distances between elements along each axis, if the first runs fastest; otherwise null. */
  long[] strides() {
    if (!fortran) {
      return null;
    }
    long[] strides = new long[shape.size()];
    long stride = 1;
    for (int a = 0; a < strides.length; a++) {
      strides[a] = stride;
      stride *= shape.get(a);
    }
    return strides;
  }

  /** Where an element is, from its place in the order of the last axis. */
  long at(long place, long[] strides) {
    long rest = place;
    long at = 0;
    for (int a = strides.length - 1; a >= 0; a--) {
      long extent = shape.get(a);
      at += rest % extent * strides[a];
      rest /= extent;
    }
    return at;
  }
}
