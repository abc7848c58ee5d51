package dynaxx.dashboard;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.zip.CRC32C;

/**
 * The files of events in a folder, as TensorFlow frames them: each record with its length and the
 * masked CRC-32C of both. Records are written whole and in one go, so a crash spoils at most the
 * last, which readers expect; a new file is begun when one is full and whenever a folder is opened.
 */
final class EventFile implements AutoCloseable {

  private static final int MASK = 0xa282ead8;
  private static final int FRAME = 16;
  private static final int MOST_HELD = 1 << 16;
  private static final long LONGEST_HELD = 1_000_000_000;

  private final Path folder;
  private final long most;
  private final ByteArrayOutputStream held = new ByteArrayOutputStream();
  private FileChannel channel;
  private boolean closed;
  private long written = System.nanoTime();

  /** Opens a folder, which is made if it is not there. */
  EventFile(Path folder, long mostBytes) throws IOException {
    this.folder = Files.createDirectories(folder);
    this.most = mostBytes;
    begin();
  }

  private void begin() throws IOException {
    long seconds = System.currentTimeMillis() / 1000;
    for (int i = 0; channel == null; i++) {
      String name =
          String.format(
              Locale.ROOT,
              "events.out.tfevents.%010d.dynaxx.%d.%03d",
              seconds,
              ProcessHandle.current().pid(),
              i);
      try {
        channel =
            FileChannel.open(
                folder.resolve(name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      } catch (FileAlreadyExistsException e) {
        // An earlier one of this second.
      }
    }
    byte[] version =
        new ProtoWriter()
            .real(1, System.currentTimeMillis() / 1e3)
            .text(3, "brain.Event:2")
            .bytes();
    write(ByteBuffer.wrap(framed(version)));
  }

  static byte[] framed(byte[] record) {
    byte[] length = ProtoWriter.little(8).putLong(record.length).array();
    return ProtoWriter.little(record.length + FRAME)
        .put(length)
        .putInt(masked(length))
        .put(record)
        .putInt(masked(record))
        .array();
  }

  private static int masked(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    int value = (int) crc.getValue();
    return (value >>> 15 | value << 17) + MASK;
  }

  /**
   * Adds a record; if it cannot be written it is not taken, those before it are held on.
   *
   * @param now whether somebody may wait for it
   */
  void append(byte[] record, boolean now) {
    int before = held.size();
    held.writeBytes(framed(record));
    if (now || held.size() >= MOST_HELD || System.nanoTime() - written >= LONGEST_HELD) {
      try {
        flush();
      } catch (UncheckedIOException e) {
        byte[] all = held.toByteArray();
        held.reset();
        held.write(all, 0, before);
        throw e;
      }
    }
  }

  void flush() {
    if (held.size() == 0) {
      return;
    }
    try {
      if (channel != null && channel.size() >= most) {
        channel.close();
        channel = null;
      }
      if (channel == null) {
        begin();
      }
      write(ByteBuffer.wrap(held.toByteArray()));
    } catch (IOException e) {
      throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
    }
    held.reset();
    written = System.nanoTime();
  }

  /** Half of what was to be written is taken back. */
  private void write(ByteBuffer bytes) throws IOException {
    long begin = channel.position();
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      channel.truncate(begin);
      throw e;
    }
  }

  void force() {
    flush();
    try {
      channel.force(false);
    } catch (IOException e) {
      throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      force();
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
      }
    }
  }
}
