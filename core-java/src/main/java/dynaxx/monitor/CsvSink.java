package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Writes one line for each step into a metrics file. */
final class CsvSink implements MonitorSink {

  private static final String SNAPSHOT = "snapshot";
  private static final String SHARE = "monitor_share";
  private static final String ADVICE = "advice";
  private static final List<String> OTHERS = List.of(SNAPSHOT, SHARE, MetricsFormat.EVENT, ADVICE);

  private final LineFile file;
  private final MetricsFormat format;
  private final StringBuilder noticed = new StringBuilder();
  private MonitorRecord.Step last;

  /** Opens a file, with the layers that each signal of layers has, if known. */
  CsvSink(Path path, Optional<Map<Signal, Integer>> layers) throws IOException {
    MetricsFormat wanted = MetricsFormat.of(columns(layers));
    file = new LineFile(path);
    try {
      format = begin(path, wanted);
    } catch (UncheckedIOException e) {
      file.abandon();
      throw e.getCause();
    } catch (IOException e) {
      file.abandon();
      throw e;
    }
  }

  private static List<String> columns(Optional<Map<Signal, Integer>> layers) {
    List<String> columns = new ArrayList<>(List.of(MetricsFormat.STEP));
    for (Signal signal : Signal.values()) {
      boolean known = layers.isPresent() && signal.perLayer();
      columns.addAll(
          known ? MetricsFormat.columns(List.of(signal), layers.get()) : signal.columns(0));
    }
    columns.addAll(OTHERS);
    return columns;
  }

  private MetricsFormat begin(Path path, MetricsFormat wanted) throws IOException {
    String found = file.firstLine();
    if (found.isEmpty()) {
      file.append(wanted.header());
      return wanted;
    }
    try {
      MetricsFormat format = MetricsFormat.ofHeader(found);
      if (OTHERS.containsAll(format.others())) {
        return format;
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw new IOException(
        path + ": found columns " + found + ", expected a new file or " + wanted.header());
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

  /** A notice has no line: the end belongs to the last line, everything else to the next. */
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
    String kinds = noticed.toString().strip();
    return format.line(
        step.observation(),
        Map.of(
            SNAPSHOT,
            step.effort().map(e -> e.name().toLowerCase(Locale.ROOT)).orElse(""),
            SHARE,
            step.share(),
            MetricsFormat.EVENT,
            kinds,
            ADVICE,
            step.advice().stream().map(JsonLines::kind).collect(Collectors.joining(" "))));
  }

  @Override
  public void flush() {
    write();
    file.force();
  }

  @Override
  public void close() {
    try (file) {
      write();
    }
  }
}
