package dynaxx.app.data;

import dynaxx.app.io.WholeFile;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * An array in a file: NumPy's {@code .npy}, or one of an {@code .npz} as {@code FILE:NAME}, an IDX
 * file, or a table in a {@code .csv}, of which {@code FILE:COLUMN,...} are some columns. Files are
 * mapped, and of examples that are not selected nothing is read. What a file claims is checked
 * against its size before anything is allocated.
 */
public final class ArrayFile {

  /** Whole numbers up to this one are exact in float32. */
  private static final long LARGEST_WHOLE = 1L << 24;

  private final Path file;
  private final ArrayBytes bytes;
  private final ArrayLayout layout;
  private final CsvTable table;
  private final int[] rows;

  private ArrayFile(Path file, ArrayBytes bytes, ArrayLayout layout, CsvTable table, int[] rows) {
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
  public static ArrayFile open(Path path) {
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

  private static ArrayFile open(Path path, Path file, String part) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment all = new ArrayBytes(file, null).map(arena);
      if (all.byteSize() == 0) {
        throw refused(file, "an empty file", "a .npy file");
      }
      if (ArrayLayout.starts(all, 'P', 'K', 3, 4)) {
        ArrayBytes entry = entry(file, part);
        return new ArrayFile(path, entry, ArrayLayout.npy(path, entry.map(arena)), null, null);
      }
      if (file.toString().matches("(?i).*\\.(csv|tsv)")) {
        CsvTable table = CsvTable.read(file, part);
        return new ArrayFile(path, null, null, table, null);
      }
      if (part != null) {
        throw refused(path, "no archive and no table", "an .npz or .csv file before the colon");
      }
      ArrayLayout layout =
          ArrayLayout.isIdx(all) ? ArrayLayout.idx(file, all) : ArrayLayout.npy(file, all);
      return new ArrayFile(path, new ArrayBytes(file, null), layout, null, null);
    }
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

  static DatasetException refused(Object file, String found, String expected) {
    return new DatasetException(file + ": found " + found + ", expected " + expected);
  }

  /**
   * Some of the examples, of which alone anything is read.
   *
   * @param wanted positions along the first axis
   * @return the same file
   */
  public ArrayFile select(int... wanted) {
    return new ArrayFile(file, bytes, layout, table, wanted.clone());
  }

  private List<Long> storedShape() {
    return table != null ? table.shape() : layout.shape();
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
    return table != null ? table.isWhole() : layout.type().isWhole();
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
      MemorySegment data = bytes.map(arena).asSlice(layout.offset());
      long[] strides = layout.strides();
      for (long r = 0; r < count; r++) {
        long row = rows == null ? r : rows[(int) r];
        for (long j = 0; j < each; j++) {
          long place = row * each + j;
          long at = strides == null ? place : layout.at(place, strides);
          to.set(r * each + j, value(data, at));
        }
      }
    } catch (IOException | IndexOutOfBoundsException e) {
      throw new DatasetException(file + ": cannot be read (it has changed, or ends too early)");
    }
    return to;
  }

  private float value(MemorySegment data, long at) {
    double value = layout.type().get(data, at, layout.order());
    if (layout.type().isWhole() && Math.abs(value) > LARGEST_WHOLE) {
      throw refused(
          file,
          String.format(Locale.ROOT, "the number %.0f at %d", value, at),
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
          out.write(ArrayLayout.MAGIC);
          out.write(new byte[] {1, 0, (byte) padded, (byte) (padded >> 8)});
          out.write(filled.getBytes(StandardCharsets.US_ASCII));
          ByteBuffer one = ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
          for (long i = 0; i < values.size(); i++) {
            out.write(one.putFloat(0, values.get(i)).array());
          }
        });
  }
}
