package dynaxx.monitor;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Writes one JSON object for each record, with all evidence and every bit of every number, so that
 * a monitor can recall the run. Steps at which nothing happened come into the file with a later
 * record. A file that is there already is continued.
 */
public final class JsonLinesSink implements MonitorSink {

  private final LineFile file;

  /**
   * Opens a file.
   *
   * @param path new, or written by a sink like this
   * @throws IOException if it cannot be opened
   */
  public JsonLinesSink(Path path) throws IOException {
    file = new LineFile(path);
  }

  @Override
  public void accept(MonitorRecord record) {
    file.append(JsonLines.of(record), record);
  }

  /** Waits until what was written is on the disk. */
  public void force() {
    file.force();
  }

  @Override
  public void close() {
    file.close();
  }
}
