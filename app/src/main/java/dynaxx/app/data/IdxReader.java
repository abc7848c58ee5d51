package dynaxx.app.data;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Reads the IDX format of the MNIST family (LeCun, Cortes and Burges), plain or compressed by gzip.
 */
final class IdxReader {

  private static final int IMAGES = 0x803;
  private static final int LABELS = 0x801;
  private static final int MOST_ITEMS = 10_000_000;
  private static final int LARGEST_SIDE = 4096;
  private static final int CHUNK = 1 << 20;

  private final String name;
  private final DataInputStream in;

  private IdxReader(String name, DataInputStream in) {
    this.name = name;
    this.in = in;
  }

  /** Images of one size. */
  record Images(byte[] pixels, int count, int rows, int columns) {}

  /** Source of a file's bytes. */
  @FunctionalInterface
  interface Source {
    InputStream open() throws IOException;
  }

  static Images images(String name, Source source) {
    return read(name, source, IdxReader::readImages);
  }

  static byte[] labels(String name, Source source, int classes) {
    return read(name, source, reader -> reader.readLabels(classes));
  }

  @FunctionalInterface
  private interface Body<T> {
    T read(IdxReader reader) throws IOException;
  }

  private static <T> T read(String name, Source source, Body<T> body) {
    try (InputStream raw = new BufferedInputStream(source.open())) {
      raw.mark(2);
      boolean compressed = raw.read() == 0x1F && raw.read() == 0x8B;
      raw.reset();
      InputStream plain = compressed ? new GZIPInputStream(raw) : raw;
      IdxReader reader = new IdxReader(name, new DataInputStream(plain));
      T result = body.read(reader);
      reader.requireEnd();
      return result;
    } catch (EOFException | ZipException e) {
      throw new DatasetException(
          name + ": found the end of the file or damaged data early, expected a whole IDX file");
    } catch (IOException e) {
      throw new DatasetException(name + ": cannot be read: " + e.getMessage());
    }
  }

  private Images readImages() throws IOException {
    requireMagic(IMAGES, "images");
    int count = dimension("images", MOST_ITEMS);
    int rows = dimension("rows", LARGEST_SIDE);
    int columns = dimension("columns", LARGEST_SIDE);
    long size = (long) count * rows * columns;
    if (size > Integer.MAX_VALUE - 8) {
      throw new DatasetException(
          name
              + ": found "
              + count
              + " images of "
              + rows
              + " x "
              + columns
              + ", expected at most 2 GiB");
    }
    return new Images(bytes((int) size), count, rows, columns);
  }

  private byte[] readLabels(int classes) throws IOException {
    requireMagic(LABELS, "labels");
    byte[] labels = bytes(dimension("labels", MOST_ITEMS));
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] < 0 || labels[i] >= classes) {
        throw new DatasetException(
            name
                + ": found label "
                + (labels[i] & 0xFF)
                + " at "
                + i
                + ", expected 0 to "
                + (classes - 1));
      }
    }
    return labels;
  }

  private void requireMagic(int expected, String kind) throws IOException {
    int magic = in.readInt();
    if (magic != expected) {
      throw new DatasetException(
          String.format(
              "%s: found magic number 0x%08X, expected 0x%08X for %s",
              name, magic, expected, kind));
    }
  }

  private int dimension(String what, int most) throws IOException {
    int value = in.readInt();
    if (value < 1 || value > most) {
      throw new DatasetException(
          name + ": found " + (value & 0xFFFFFFFFL) + " " + what + ", expected 1 to " + most);
    }
    return value;
  }

  /**
   * Reads in pieces, so that a header that lies about the size costs no memory that the file does
   * not fill.
   */
  private byte[] bytes(int size) throws IOException {
    byte[] all = new byte[Math.min(size, CHUNK)];
    int filled = 0;
    while (filled < size) {
      if (filled == all.length) {
        all = Arrays.copyOf(all, (int) Math.min(size, 2L * all.length));
      }
      int read = in.read(all, filled, all.length - filled);
      if (read < 0) {
        throw new DatasetException(
            name
                + ": found "
                + filled
                + " bytes of data, expected "
                + size
                + "; the file is truncated");
      }
      filled += read;
    }
    return all;
  }

  private void requireEnd() throws IOException {
    if (in.read() >= 0) {
      throw new DatasetException(
          name + ": found more data behind the last item, expected the end of the file");
    }
  }
}
