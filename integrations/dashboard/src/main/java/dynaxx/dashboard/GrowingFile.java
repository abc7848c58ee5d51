package dynaxx.dashboard;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Reads the whole lines of a file that grows at its end, each once. Whether the file is still the
 * same is told by its first bytes and by those that were read last, so that one that is copied
 * again and again while it grows is not read from its start each time.
 */
final class GrowingFile {

  private static final int BLOCK = 1 << 20;
  private static final int MOST_LINE = 1 << 24;
  private static final int KEPT = 1024;

  private final Path path;
  private long position;
  private byte[] first = {};
  private byte[] last = {};
  private byte[] rest = {};
  private boolean cut;

  GrowingFile(Path path) {
    this.path = path;
  }

  Path path() {
    return path;
  }

  /**
   * Reads what has come since the last time.
   *
   * @param replaced called first if the file was replaced, so that it is read from its start
   * @param lines takes whole lines with their ends, several at once
   * @param tooLong called for a line that is too long to be one
   */
  void read(Runnable replaced, Consumer<String> lines, Runnable tooLong) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      if (!same(channel)) {
        position = 0;
        first = last = rest = new byte[0];
        cut = false;
        replaced.run();
      }
      channel.position(position);
      ByteBuffer block = ByteBuffer.allocate(BLOCK);
      while (channel.read(block.clear()) > 0) {
        byte[] read = Arrays.copyOf(block.array(), block.position());
        position += read.length;
        keep(read);
        take(read, lines, tooLong);
      }
    }
  }

  /**
   * What stands behind the last whole line is a line too if nobody goes on with it.
   *
   * @param lines takes it, if there is any
   */
  void end(Consumer<String> lines) {
    if (rest.length > 0) {
      lines.accept(new String(rest, StandardCharsets.UTF_8));
      rest = new byte[0];
    }
  }

  private boolean same(FileChannel channel) throws IOException {
    return channel.size() >= position
        && Arrays.equals(first, at(channel, 0, first.length))
        && Arrays.equals(last, at(channel, position - last.length, last.length));
  }

  private static byte[] at(FileChannel channel, long from, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining() && channel.read(bytes, from + bytes.position()) >= 0) {
      // A channel may read less than was asked for.
    }
    return bytes.array();
  }

  private void keep(byte[] read) {
    if (first.length < KEPT) {
      first = piece(first, read, Math.min(KEPT, first.length + read.length), false);
    }
    last = piece(last, read, Math.min(KEPT, last.length + read.length), true);
  }

  /** So many bytes of two pieces, from their beginning or up to their end. */
  private static byte[] piece(byte[] one, byte[] two, int length, boolean end) {
    byte[] both = Arrays.copyOf(one, one.length + two.length);
    System.arraycopy(two, 0, both, one.length, two.length);
    return end
        ? Arrays.copyOfRange(both, both.length - length, both.length)
        : Arrays.copyOf(both, length);
  }

  private void take(byte[] read, Consumer<String> lines, Runnable tooLong) {
    byte[] all = Arrays.copyOf(rest, rest.length + read.length);
    System.arraycopy(read, 0, all, rest.length, read.length);
    int end = all.length;
    while (end > 0 && all[end - 1] != '\n') {
      end--;
    }
    int begin = 0;
    if (cut && end > 0) {
      // The end of the line that was too long.
      begin = lineEnd(all);
      cut = false;
    }
    rest = Arrays.copyOfRange(all, end, all.length);
    if (rest.length > MOST_LINE || cut) {
      rest = new byte[0];
      if (!cut) {
        tooLong.run();
      }
      cut = true;
    }
    if (end > begin) {
      lines.accept(new String(all, begin, end - begin, StandardCharsets.UTF_8));
    }
  }

  /** Behind the end of the first line. */
  private static int lineEnd(byte[] bytes) {
    int at = 0;
    while (bytes[at] != '\n') {
      at++;
    }
    return at + 1;
  }
}
