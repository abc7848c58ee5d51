package dynaxx.app.data;

import dynaxx.app.io.WholeFile;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * An array in a NumPy {@code .npy} file: float32, float64, int32, int64 or uint8, little-endian, in
 * C order. What the file claims is checked against its size before anything is allocated.
 */
public final class NpyFile {

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int LONGEST_HEADER = 1 << 16;
  private static final int MOST_AXES = 32;
  private static final int CHUNK = 1 << 20;

  /** Whole numbers up to this one are exact in float32. */
  private static final long LARGEST_WHOLE = 1L << 24;

  private static final Pattern TYPE = Pattern.compile("'descr'\\s*:\\s*'([^']*)'");
  private static final Pattern RECORDS = Pattern.compile("'descr'\\s*:\\s*\\[");
  private static final Pattern ORDER = Pattern.compile("'fortran_order'\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape'\\s*:\\s*\\(([^)]*)\\)");

  /** Element types by what the header calls them. */
  private enum Type {
    FLOAT32("<f4", 4, false),
    FLOAT64("<f8", 8, false),
    INT32("<i4", 4, true),
    INT64("<i8", 8, true),
    UINT8("|u1", 1, true),
    INT8("|i1", 1, true);

    private final String code;
    private final int bytes;
    private final boolean whole;

    Type(String code, int bytes, boolean whole) {
      this.code = code;
      this.bytes = bytes;
      this.whole = whole;
    }
  }

  private final Path file;
  private final Type type;
  private final List<Long> shape;
  private final long dataOffset;

  private NpyFile(Path file, Type type, List<Long> shape, long dataOffset) {
    this.file = file;
    this.type = type;
    this.shape = shape;
    this.dataOffset = dataOffset;
  }

  /**
   * Reads the header.
   *
   * @throws DatasetException if there is no such file, it is no .npy file, is damaged, or holds
   *     something else than is supported
   */
  public static NpyFile open(Path file) {
    return open(file, List.of(Type.FLOAT32, Type.FLOAT64, Type.INT32, Type.INT64, Type.UINT8));
  }

  /** As {@link #open}, and int8 too, as random signs are often kept. */
  public static NpyFile openVectors(Path file) {
    return open(file, List.of(Type.values()));
  }

  private static NpyFile open(Path file, List<Type> types) {
    try (FileChannel in = FileChannel.open(file)) {
      return header(file, in, types);
    } catch (NoSuchFileException e) {
      throw new DatasetException(file + ": found no such file");
    } catch (IOException e) {
      throw new DatasetException(file + ": cannot be read (" + reason(e) + ")");
    }
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

  private static NpyFile header(Path file, FileChannel in, List<Type> types) throws IOException {
    if (Files.isDirectory(file)) {
      throw refused(file, "a folder", "a .npy file");
    }
    ByteBuffer start = read(in, 0, 12);
    byte[] magic = new byte[MAGIC.length];
    if (in.size() == 0) {
      throw refused(file, "an empty file", "a .npy file");
    }
    boolean whole = start.remaining() == 12;
    if (whole) {
      start.get(magic);
    }
    if (!whole || !Arrays.equals(magic, MAGIC)) {
      throw refused(file, "no NumPy header", "a .npy file");
    }
    int version = start.get(6);
    if (version < 1 || version > 3) {
      throw refused(file, "format version " + version, "1, 2 or 3");
    }
    int first = version == 1 ? 10 : 12;
    long length = version == 1 ? Short.toUnsignedInt(start.getShort(8)) : start.getInt(8);
    if (length < 0 || length > LONGEST_HEADER || first + length > in.size()) {
      throw refused(file, "a header of " + length + " bytes", "one within the file");
    }
    ByteBuffer bytes = read(in, first, (int) length);
    String text = StandardCharsets.ISO_8859_1.decode(bytes).toString();
    NpyFile found = new NpyFile(file, type(file, text, types), shape(file, text), first + length);
    found.checkSize(in.size());
    return found;
  }

  private static ByteBuffer read(FileChannel in, long at, int size) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (in.read(buffer, at + buffer.position()) < 0) {
        break;
      }
    }
    return buffer.flip();
  }

  private static Type type(Path file, String header, List<Type> types) {
    String known = types.stream().map(t -> t.code).collect(Collectors.joining(", "));
    if (RECORDS.matcher(header).find()) {
      throw refused(file, "an array of records", "numbers of type " + known);
    }
    String code = group(file, TYPE, header, "element type");
    Type found = types.stream().filter(t -> t.code.equals(code)).findFirst().orElse(null);
    if (found == null) {
      String hint = code.startsWith(">") ? " (big-endian)" : "";
      throw refused(file, "element type " + code + hint, "one of " + known);
    }
    if (group(file, ORDER, header, "order").equals("True")) {
      throw refused(file, "Fortran order", "C order; save numpy.ascontiguousarray(x)");
    }
    return found;
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

  private void checkSize(long fileBytes) {
    long expected = dataOffset;
    try {
      expected = Math.addExact(dataOffset, Math.multiplyExact(size(), (long) type.bytes));
    } catch (ArithmeticException e) {
      throw refused(file, "shape " + shape, "one that fits the file");
    }
    if (fileBytes != expected) {
      throw refused(file, fileBytes + " bytes", expected + " for shape " + shape);
    }
  }

  /** Extents. */
  public List<Long> shape() {
    return shape;
  }

  /** Number of values. */
  public long size() {
    long size = 1;
    for (long dim : shape) {
      size = Math.multiplyExact(size, dim);
    }
    return size;
  }

  /** Whether the elements are whole numbers. */
  public boolean isWhole() {
    return type.whole;
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
    try (FileChannel in = FileChannel.open(file)) {
      long done = 0;
      while (done < size()) {
        int count = (int) Math.min(CHUNK, size() - done);
        ByteBuffer bytes = read(in, dataOffset + done * type.bytes, count * type.bytes);
        if (bytes.remaining() < count * type.bytes) {
          throw refused(file, "an end at value " + done, size() + " values");
        }
        for (int i = 0; i < count; i++) {
          to.set(done + i, next(bytes, done + i));
        }
        done += count;
      }
    } catch (IOException e) {
      throw new DatasetException(file + ": cannot be read (" + reason(e) + ")");
    }
    return to;
  }

  private float next(ByteBuffer bytes, long at) {
    return switch (type) {
      case FLOAT32 -> bytes.getFloat();
      case FLOAT64 -> (float) bytes.getDouble();
      case INT32 -> exact(bytes.getInt(), at);
      case INT64 -> exact(bytes.getLong(), at);
      case UINT8 -> Byte.toUnsignedInt(bytes.get());
      case INT8 -> bytes.get();
    };
  }

  private float exact(long value, long at) {
    if (value > LARGEST_WHOLE || value < -LARGEST_WHOLE) {
      throw refused(
          file,
          "the number " + value + " at " + at,
          "at most " + LARGEST_WHOLE + ", exact in float32");
    }
    return value;
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
