package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Receives what a monitor records. Called on the thread of the host. One that throws does not end
 * the training: the record is offered again later, before those after it ({@link
 * PhaseMonitor.Usage#lostRecords}).
 */
@FunctionalInterface
public interface MonitorSink extends AutoCloseable {

  /**
   * Takes a record, or throws and takes none of it.
   *
   * @param record a step or a notice, in the order in which they happened
   */
  void accept(MonitorRecord record);

  /** Waits until all that was taken is on the disk; does nothing where there is no file. */
  default void flush() {}

  /** Writes out what is left; closing twice is harmless. */
  @Override
  default void close() {}

  /**
   * Writes one line for each step into a metrics file, which {@link MetricsFormat#read} and {@code
   * dynaxx replay} read. Kinds of events stand in the column {@code event}, separated by spaces. A
   * line comes into the file with the record after it, that of a step at which nothing happened
   * with a later one; all do when a checkpoint is reported. A file that is there already is
   * continued, with the columns that it has. Signals of layers have a column for their mean.
   *
   * @param path new, empty, or written by a sink like this
   * @return a sink that keeps the file open
   * @throws IOException if it cannot be opened, or has columns that are not this sink's
   */
  static MonitorSink csv(Path path) throws IOException {
    return new CsvSink(path, Optional.empty());
  }

  /**
   * The same with a column for each layer, {@code active_fraction_1} and so on, beside their mean.
   *
   * @param path new, empty, or written by a sink like this
   * @param layers by signal, as {@link dynaxx.spectrum.CurvatureProbe#layers} counts them; a signal
   *     of layers that is missing has no column at all
   * @return a sink that keeps the file open
   * @throws IOException if it cannot be opened, or has columns that are not this sink's
   * @throws IllegalArgumentException if a number of layers is negative
   */
  static MonitorSink csv(Path path, Map<Signal, Integer> layers) throws IOException {
    return new CsvSink(path, Optional.of(layers));
  }

  /**
   * Writes one JSON object for each record, with all evidence and every bit of every number, so
   * that a monitor can recall the run ({@link MonitorRecord#read}). Steps at which nothing happened
   * come into the file with a later record. A file that is there already is continued.
   *
   * @param path new, or written by a sink like this
   * @return a sink that keeps the file open
   * @throws IOException if it cannot be opened
   */
  static MonitorSink jsonLines(Path path) throws IOException {
    return new JsonLinesSink(path);
  }
}
