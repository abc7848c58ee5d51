package dynaxx.app.run;

import dynaxx.app.io.UserException;
import dynaxx.monitor.MetricsFormat;
import dynaxx.monitor.MonitorRecord;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Consumer;

/** Reads the files of a run; what is wrong with them is a user's mistake. */
public final class RunReader {

  private RunReader() {}

  /**
   * Reads a metrics file, ours or another's.
   *
   * @param problems receives everything that is left out, one line each
   */
  public static List<MonitorRecord> metrics(Path file, Consumer<String> problems)
      throws IOException {
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      String found =
          Files.isDirectory(file)
              ? "a folder"
              : Files.exists(file) ? "a file that may not be read" : "no such file";
      throw new UserException(file + ": found " + found + ", expected the metrics of a run");
    }
    try {
      return MetricsFormat.read(file, problems);
    } catch (IllegalArgumentException e) {
      throw new UserException(e.getMessage());
    }
  }

  /** Cuts off what a journal says after a checkpoint, and reads the rest. */
  public static List<MonitorRecord> journalUpTo(Path file, long bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      if (channel.size() < bytes) {
        throw new UserException(
            file
                + ": found "
                + channel.size()
                + " bytes, expected at least the "
                + bytes
                + " that the checkpoint was made after");
      }
      channel.truncate(bytes);
    }
    try {
      return MonitorRecord.read(file);
    } catch (IllegalArgumentException e) {
      throw new UserException(e.getMessage());
    }
  }
}
