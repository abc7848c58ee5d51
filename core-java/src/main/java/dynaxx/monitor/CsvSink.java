package dynaxx.monitor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Writes one line for each step: the standard columns of a metrics file, which {@code dynaxx
 * replay} reads. Kinds of events stand in the column {@code event}, separated by spaces. A line
 * comes into the file with the record after it, that of a step at which nothing happened with a
 * later one; all do when a checkpoint is told of. A file that is there already is continued.
 */
public final class CsvSink implements MonitorSink {

  private final LineFile file;
  private final int rectifierLayers;
  private final StringBuilder noticed = new StringBuilder();
  private MonitorRecord.Step last;

  /**
   * Opens a file.
   *
   * @param path new, empty, or written by a sink like this
   * @throws IOException if it cannot be opened, or has other columns
   */
  public CsvSink(Path path) throws IOException {
    this(path, 0);
  }

  /**
   * Opens a file that has a column for the active units of each rectifier layer, {@code
   * active_fraction_1} and so on, beside their mean.
   *
   * @param path new, empty, or written by a sink like this
   * @param rectifierLayers how many layers, as {@link dynaxx.network.Network#layers} has
   * @throws IOException if it cannot be opened, or has other columns
   * @throws IllegalArgumentException if the number of layers is negative
   */
  public CsvSink(Path path, int rectifierLayers) throws IOException {
    if (rectifierLayers < 0) {
      throw new IllegalArgumentException(
          "rectifierLayers: found " + rectifierLayers + ", expected at least 0");
    }
    this.rectifierLayers = rectifierLayers;
    file = new LineFile(path);
    try {
      begin(path);
    } catch (UncheckedIOException e) {
      file.abandon();
      throw e.getCause();
    } catch (IOException e) {
      file.abandon();
      throw e;
    }
  }

  private void begin(Path path) throws IOException {
    String expected = String.join(",", columns());
    String found = file.firstLine();
    if (found.isEmpty()) {
      file.append(expected);
    } else if (!found.equals(expected)) {
      throw new IOException(
          path + ": found columns " + found + ", expected a new file or " + expected);
    }
  }

  private List<String> columns() {
    List<String> columns = new ArrayList<>(List.of("step"));
    for (Signal signal : Signal.values()) {
      columns.add(signal.column());
      if (hasError(signal)) {
        columns.add(signal.errorColumn());
      }
    }
    for (int layer = 1; layer <= rectifierLayers; layer++) {
      columns.add(Signal.ACTIVE_FRACTION.column(layer));
    }
    columns.addAll(List.of("snapshot", "monitor_share", "event", "advice"));
    return columns;
  }

  private static boolean hasError(Signal signal) {
    return signal.group() == Signal.Group.CURVATURE || signal == Signal.NOISE_SCALE;
  }

  @Override
  public void accept(MonitorRecord record) {
    switch (record) {
      case MonitorRecord.Step step -> {
        write();
        last = step;
        step.events().forEach(e -> noticed.append(e.kind()).append(' '));
      }
      // It comes again with the next step.
      case MonitorRecord.Validation validation -> {}
      case MonitorRecord.Notice notice -> accept(notice);
    }
  }

  /** A notice has no line of its own: the end belongs to the last, all else to the next. */
  private void accept(MonitorRecord.Notice notice) {
    if (notice.kind() != MonitorRecord.Notice.Kind.FINISH) {
      write();
    }
    notice.events().forEach(e -> noticed.append(e.kind()).append(' '));
    if (notice.kind() == MonitorRecord.Notice.Kind.CHECKPOINT) {
      file.write();
    }
  }

  private void write() {
    if (last != null) {
      file.append(line(last), last);
      last = null;
      noticed.setLength(0);
    }
  }

  private String line(MonitorRecord.Step step) {
    List<String> fields = new ArrayList<>();
    fields.add(Long.toString(step.step()));
    Map<Signal, Reading> readings = step.observation().readings();
    for (Signal signal : Signal.values()) {
      Reading reading = readings.get(signal);
      fields.add(reading == null ? "" : Double.toString(reading.value()));
      if (hasError(signal)) {
        boolean known = reading != null && reading.error().isPresent();
        fields.add(known ? Double.toString(reading.error().getAsDouble()) : "");
      }
    }
    List<Double> fractions = step.observation().activeFractions();
    for (int i = 0; i < rectifierLayers; i++) {
      boolean known = i < fractions.size() && !fractions.get(i).isNaN();
      fields.add(known ? fractions.get(i).toString() : "");
    }
    fields.add(step.effort().map(e -> e.name().toLowerCase(Locale.ROOT)).orElse(""));
    fields.add(Double.toString(step.share()));
    fields.add(noticed.toString().strip());
    fields.add(step.advice().stream().map(JsonLines::kind).collect(Collectors.joining(" ")));
    return String.join(",", fields);
  }

  @Override
  public void close() {
    try (file) {
      write();
    }
  }
}
