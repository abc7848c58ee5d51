package dynaxx.monitor;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that grows by whole lines. Lines are gathered, since a write for each costs more than
 * making it: until one comes a second or more after the last write, or one of which somebody may
 * wait. A line that a crash left unfinished is cut off when the file is opened again.
 */
final class LineFile implements AutoCloseable {

  private static final int BLOCK = 4096;

  /** Bytes that are gathered at most, and nanoseconds. */
  private static final int MOST_HELD = 1 << 16;

  private static final long LONGEST_HELD = 1_000_000_000;

  private final Path file;
  private final FileChannel channel;
  private final ByteArrayOutputStream held = new ByteArrayOutputStream();
  private long written = System.nanoTime();
  private boolean open = true;

  LineFile(Path file) throws IOException {
    this.file = file;
    this.channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      channel.truncate(endOfLastLine());
      channel.position(channel.size());
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private long endOfLastLine() throws IOException {
    ByteBuffer block = ByteBuffer.allocate(BLOCK);
    for (long end = channel.size(); end > 0; end -= block.capacity()) {
      long from = Math.max(0, end - BLOCK);
      block.clear().limit((int) (end - from));
      while (block.hasRemaining() && channel.read(block, from + block.position()) >= 0) {
        // A channel may read less than was asked for.
      }
      for (int i = block.position() - 1; i >= 0; i--) {
        if (block.get(i) == '\n') {
          return from + i + 1;
        }
      }
    }
    return 0;
  }

  /** The first line, without its end; empty if there is none. */
  String firstLine() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(channel.size(), 1 << 16));
    while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) >= 0) {
      // A channel may read less than was asked for.
    }
    String text = new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
    int end = text.indexOf('\n');
    return end < 0 ? text : text.substring(0, end);
  }

  /**
   * Adds the line of a record; only that of a step at which nothing happened may be held back. A
   * line that cannot be written is not taken, those before it are held on.
   */
  void append(String line, MonitorRecord record) {
    int before = held.size();
    hold(line);
    boolean late = System.nanoTime() - written >= LONGEST_HELD;
    if (late || held.size() >= MOST_HELD || !quiet(record)) {
      try {
        write();
      } catch (UncheckedIOException e) {
        byte[] all = held.toByteArray();
        held.reset();
        held.write(all, 0, before);
        throw e;
      }
    }
  }

  private static boolean quiet(MonitorRecord record) {
    return record instanceof MonitorRecord.Step step
        && step.effort().isEmpty()
        && step.events().isEmpty()
        && step.advice().isEmpty();
  }

  /** Adds a line at once. */
  void append(String line) {
    hold(line);
    write();
  }

  private void hold(String line) {
    held.writeBytes(line.getBytes(StandardCharsets.UTF_8));
    held.write('\n');
  }

  /** What cannot be written is held on, and half a line is taken back. */
  void write() {
    ByteBuffer bytes = ByteBuffer.wrap(held.toByteArray());
    try {
      long begin = channel.position();
      try {
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      } catch (IOException e) {
        channel.truncate(begin);
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
    held.reset();
    written = System.nanoTime();
  }

  void force() {
    write();
    try {
      channel.force(false);
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }

  /** Closes without writing what is held. */
  void abandon() throws IOException {
    open = false;
    channel.close();
  }

  @Override
  public void close() {
    if (!open) {
      return;
    }
    open = false;
    try (channel) {
      write();
      channel.force(false);
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": " + e.getMessage(), e);
    }
  }
}
