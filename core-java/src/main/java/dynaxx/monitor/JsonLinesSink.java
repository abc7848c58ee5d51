package dynaxx.monitor;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Writes one JSON object for each record, with all evidence and every bit of every number, so that
 * a monitor can recall the run. Steps at which nothing happened come into the file with a later
 * record. A file that is there already is continued.
 */
final class JsonLinesSink implements MonitorSink {

  private final LineFile file;

  /** Opens a file that is new, or was written by a sink like this. */
  JsonLinesSink(Path path) throws IOException {
    file = new LineFile(path);
  }

  @Override
  public void accept(MonitorRecord record) {
    file.append(JsonLines.of(record), record);
  }

  @Override
  public void flush() {
    file.force();
  }

  @Override
  public void close() {
    file.close();
  }
}
