package dynaxx.app.data;

import dynaxx.app.io.WholeFile;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * An array in a file: NumPy's {@code .npy}, or one of an {@code .npz} as {@code FILE:NAME}, an IDX
 * file, or a table in a {@code .csv}, of which {@code FILE:COLUMN,...} are some columns. Files are
 * mapped, and of examples that are not selected nothing is read. What a file claims is checked
 * against its size before anything is allocated.
 */
public final class NpyFile {

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int LONGEST_HEADER = 1 << 16;
  private static final int MOST_AXES = 32;

  /** Whole numbers up to this one are exact in float32. */
  private static final long LARGEST_WHOLE = 1L << 24;

  private static final Pattern TYPE = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
  private static final Pattern RECORDS = Pattern.compile("'descr'\\s*:\\s*\\[");
  private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([^)]*)\\)");

  /** How elements lie in the bytes. */
  private record Layout(
      ArrayType type, ByteOrder order, boolean fortran, List<Long> shape, long offset) {}

  private final Path file;
  private final ArrayBytes bytes;
  private final Layout layout;
  private final CsvTable table;
  private final int[] rows;

  private NpyFile(Path file, ArrayBytes bytes, Layout layout, CsvTable table, int[] rows) {
    this.file = file;
    this.bytes = bytes;
    this.layout = layout;
    this.table = table;
    this.rows = rows;
  }

  /**
   * Reads the header.
   *
   * @throws DatasetException if there is no such file, it holds no array, is damaged, or holds
   *     something else than is supported
   */
  public static NpyFile open(Path path) {
    try {
      Path file = fileOf(path);
      int length = file.toString().length();
      String part = file.equals(path) ? null : path.toString().substring(length + 1);
      if (Files.isDirectory(file)) {
        throw refused(file, "a folder", "a file with an array");
      }
      return open(path, file, part);
    } catch (NoSuchFileException e) {
      throw new DatasetException(path + ": found no such file");
    } catch (IOException e) {
      throw new DatasetException(path + ": cannot be read (" + reason(e) + ")");
    }
  }

  /** The file itself, without the name of an array or of columns. */
  public static Path fileOf(Path path) {
    int colon = Files.exists(path) ? -1 : path.toString().lastIndexOf(':');
    return colon < 1 ? path : Path.of(path.toString().substring(0, colon));
  }

  private static NpyFile open(Path path, Path file, String part) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment all = new ArrayBytes(file, null).map(arena);
      if (all.byteSize() == 0) {
        throw refused(file, "an empty file", "a .npy file");
      }
      if (starts(all, 'P', 'K', 3, 4)) {
        ArrayBytes entry = entry(file, part);
        return new NpyFile(path, entry, npy(path, entry.map(arena)), null, null);
      }
      if (file.toString().matches("(?i).*\\.(csv|tsv)")) {
        CsvTable table = CsvTable.read(file, part);
        return new NpyFile(path, null, null, table, null);
      }
      if (part != null) {
        throw refused(path, "no archive and no table", "an .npz or .csv file before the colon");
      }
      boolean idx = starts(all, 0, 0) && all.byteSize() > 4 && idxType(all) != null;
      Layout layout = idx ? idx(file, all) : npy(file, all);
      return new NpyFile(path, new ArrayBytes(file, null), layout, null, null);
    }
  }

  private static boolean starts(MemorySegment all, int... magic) {
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

  private static ArrayBytes entry(Path file, String name) throws IOException {
    List<String> names = ArrayBytes.arrays(file);
    if (name == null && names.size() != 1 || name != null && !names.contains(name)) {
      throw refused(
          file,
          (name == null ? "" : "'" + name + "' asked for in ") + "an archive of arrays " + names,
          "one of them as " + file.getFileName() + ":NAME");
    }
    return new ArrayBytes(file, (name == null ? names.getFirst() : name) + ".npy");
  }

  private static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private static DatasetException refused(Path file, String found, String expected) {
    return new DatasetException(file + ": found " + found + ", expected " + expected);
  }

  private static Layout npy(Path file, MemorySegment all) {
    boolean whole = all.byteSize() >= 12;
    for (int i = 0; i < MAGIC.length && whole; i++) {
      whole = octet(all, i) == (MAGIC[i] & 0xff);
    }
    if (!whole) {
      throw refused(file, "no NumPy header", "a .npy file");
    }
    int version = octet(all, 6);
    if (version < 1 || version > 3) {
      throw refused(file, "format version " + version, "1, 2 or 3");
    }
    int first = version == 1 ? 10 : 12;
    long length = octet(all, 8) | octet(all, 9) << 8;
    if (version > 1) {
      length |= (long) octet(all, 10) << 16 | (long) octet(all, 11) << 24;
    }
    if (length > LONGEST_HEADER || first + length > all.byteSize()) {
      throw refused(file, "a header of " + length + " bytes", "one within the file");
    }
    byte[] header = all.asSlice(first, length).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(header, StandardCharsets.ISO_8859_1);
    String code = code(file, text);
    ArrayType type = ArrayType.of(code);
    if (type == null) {
      throw refused(file, "element type " + code, "one of " + ArrayType.known());
    }
    boolean fortran = group(file, ORDER, text, "order").equals("True");
    ByteOrder order = code.startsWith(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    Layout found = new Layout(type, order, fortran, shape(file, text), first + length);
    checkSize(file, found, all.byteSize());
    return found;
  }

  private static String code(Path file, String header) {
    if (RECORDS.matcher(header).find()) {
      throw refused(file, "an array of records", "numbers of type " + ArrayType.known());
    }
    return group(file, TYPE, header, "element type");
  }

  private static String group(Path file, Pattern pattern, String header, String what) {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw refused(file, "a header without " + what, "'descr', 'fortran_order' and 'shape'");
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
        throw refused(file, "shape (" + text + ")", "whole numbers");
      }
    }
    if (shape.size() > MOST_AXES || shape.stream().anyMatch(d -> d < 0)) {
      throw refused(file, "shape (" + text + ")", "at most " + MOST_AXES + " extents from 0");
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

  private static Layout idx(Path file, MemorySegment all) {
    int axes = octet(all, 3);
    long offset = 4 + 4L * axes;
    if (axes > MOST_AXES || offset > all.byteSize()) {
      throw refused(file, "an IDX header of " + axes + " axes", "one within the file");
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
    Layout found = new Layout(idxType(all), ByteOrder.BIG_ENDIAN, false, shape, offset);
    checkSize(file, found, all.byteSize());
    return found;
  }

  private static void checkSize(Path file, Layout layout, long fileBytes) {
    long expected;
    try {
      long size = layout.shape.stream().reduce(1L, Math::multiplyExact);
      expected = Math.addExact(layout.offset, Math.multiplyExact(size, layout.type.bytes()));
    } catch (ArithmeticException e) {
      throw refused(file, "shape " + layout.shape, "one that fits the file");
    }
    if (fileBytes != expected) {
      throw refused(file, fileBytes + " bytes", expected + " for shape " + layout.shape);
    }
  }

  /**
   * Some of the examples, of which alone anything is read.
   *
   * @param wanted positions along the first axis
   * @return the same file
   */
  public NpyFile select(int... wanted) {
    return new NpyFile(file, bytes, layout, table, wanted.clone());
  }

  private List<Long> storedShape() {
    return table != null ? table.shape() : layout.shape;
  }

  /** Extents, after a selection. */
  public List<Long> shape() {
    List<Long> shape = new ArrayList<>(storedShape());
    if (rows != null) {
      shape.set(0, (long) rows.length);
    }
    return List.copyOf(shape);
  }

  /** Number of values. */
  public long size() {
    return shape().stream().reduce(1L, Math::multiplyExact);
  }

  /** Whether the elements are whole numbers. */
  public boolean isWhole() {
    return table != null ? table.isWhole() : layout.type.isWhole();
  }

  public Path path() {
    return file;
  }

  /**
   * Reads the values as float32.
   *
   * @param scope owns the memory
   * @throws DatasetException if the file cannot be read or a whole number is not exact in float32
   */
  public HostBuffer values(Scope scope) {
    HostBuffer to = scope.allocate(size());
    long stored = storedShape().isEmpty() ? 1 : storedShape().getFirst();
    long all = storedShape().stream().reduce(1L, Math::multiplyExact);
    long each = stored == 0 ? 0 : all / stored;
    long count = rows == null ? stored : rows.length;
    if (table != null) {
      for (long r = 0; r < count; r++) {
        table.copy(rows == null ? r : rows[(int) r], to.slice(r * each, each));
      }
      return to;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = bytes.map(arena).asSlice(layout.offset);
      for (long r = 0; r < count; r++) {
        long row = rows == null ? r : rows[(int) r];
        for (long j = 0; j < each; j++) {
          long at = layout.fortran ? fortran(row * each + j) : row * each + j;
          to.set(r * each + j, value(data, at));
        }
      }
    } catch (IOException | IndexOutOfBoundsException e) {
      throw new DatasetException(file + ": cannot be read (it has changed, or ends too early)");
    }
    return to;
  }

  /** Where an element lies whose first axis runs fastest. */
  private long fortran(long place) {
    long rest = place;
    long at = 0;
    long[] strides = new long[layout.shape.size()];
    long stride = 1;
    for (int a = 0; a < strides.length; a++) {
      strides[a] = stride;
      stride *= layout.shape.get(a);
    }
    for (int a = strides.length - 1; a >= 0; a--) {
      at += rest % layout.shape.get(a) * strides[a];
      rest /= layout.shape.get(a);
    }
    return at;
  }

  private float value(MemorySegment data, long at) {
    double value = layout.type.get(data, at, layout.order);
    if (layout.type.isWhole() && Math.abs(value) > LARGEST_WHOLE) {
      throw refused(
          file,
          String.format(java.util.Locale.ROOT, "the number %.0f at %d", value, at),
          "at most " + LARGEST_WHOLE + ", exact in float32");
    }
    return (float) value;
  }

  /**
   * Writes float32 values.
   *
   * @param file replaced if it is there
   * @param shape extents
   * @param values as many
   */
  public static void write(Path file, List<Long> shape, HostBuffer values) throws IOException {
    String extents =
        shape.stream().map(String::valueOf).collect(Collectors.joining(", "))
            + (shape.size() == 1 ? "," : "");
    String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + extents + "), }";
    int padded = Math.ceilDiv(10 + header.length() + 1, 64) * 64 - 10;
    String filled = header + " ".repeat(padded - header.length() - 1) + "\n";
    WholeFile.write(
        file,
        out -> {
          out.write(MAGIC);
          out.write(new byte[] {1, 0, (byte) padded, (byte) (padded >> 8)});
          out.write(filled.getBytes(StandardCharsets.US_ASCII));
          ByteBuffer one = ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
          for (long i = 0; i < values.size(); i++) {
            out.write(one.putFloat(0, values.get(i)).array());
          }
        });
  }
}
