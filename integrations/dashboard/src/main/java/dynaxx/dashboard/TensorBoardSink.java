package dynaxx.dashboard;

import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.SpectralDensity;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Writes event files that TensorBoard reads: every signal and its uncertainty as a scalar under the
 * name of its group, layers, heads and the spectrum as histograms, and events as text. Beside the
 * curves stands what the descriptors say. A restart of the training takes back what TensorBoard
 * shows from its step on.
 */
public final class TensorBoardSink implements MonitorSink {

  /** Bytes after which a new file is begun, unless told otherwise. */
  private static final long MOST_BYTES = 64L << 20;

  private static final int BUCKETS = 30;
  private static final int DATA_CLASS_SCALAR = 1;
  private static final int DT_STRING = 7;
  private static final int SESSION_START = 1;

  private final EventFile file;
  private final Set<String> described = new HashSet<>();

  private TensorBoardSink(EventFile file) {
    this.file = file;
  }

  /**
   * A sink into a folder of a run.
   *
   * @param folder is made if it is not there; files that are there already are left alone
   * @return a sink that begins a new file, and another every 64 MiB
   * @throws IOException if no file can be made there
   */
  public static TensorBoardSink open(Path folder) throws IOException {
    return open(folder, MOST_BYTES);
  }

  /**
   * A sink with files of another size.
   *
   * @param folder is made if it is not there
   * @param mostBytes after which a new file is begun, at least 1
   * @return the sink
   * @throws IOException if no file can be made there
   * @throws IllegalArgumentException if the size is below 1
   */
  public static TensorBoardSink open(Path folder, long mostBytes) throws IOException {
    if (mostBytes < 1) {
      throw new IllegalArgumentException("mostBytes: found " + mostBytes + ", expected at least 1");
    }
    return new TensorBoardSink(new EventFile(folder, mostBytes));
  }

  @Override
  public void accept(MonitorRecord record) {
    ProtoWriter summary = new ProtoWriter();
    Set<String> fresh = new HashSet<>();
    boolean now = !record.events().isEmpty();
    if (record instanceof MonitorRecord.Step step) {
      step.observation()
          .readings()
          .forEach((signal, reading) -> reading(summary, fresh, signal, reading));
      if (step.share() > 0) {
        scalar(summary, fresh, "context/" + RunData.SHARE, step.share(), "");
      }
      now |= step.observation().ofSnapshot();
    }
    for (Event event : record.events()) {
      text(summary, event);
    }
    ProtoWriter written = new ProtoWriter();
    written.real(1, System.currentTimeMillis() / 1e3).number(2, record.step());
    boolean restart =
        record instanceof MonitorRecord.Notice notice
            && notice.kind() == MonitorRecord.Notice.Kind.RESTART;
    if (restart) {
      // What TensorBoard holds from this step on is taken back.
      written.message(7, new ProtoWriter().number(1, SESSION_START));
    } else if (summary.bytes().length > 0) {
      written.message(5, summary);
    } else {
      return;
    }
    file.append(written.bytes(), now || restart);
    described.addAll(fresh);
  }

  private void reading(ProtoWriter summary, Set<String> fresh, Signal signal, Reading reading) {
    String group = signal.group().name().toLowerCase(Locale.ROOT) + "/";
    String help = signal.documentation();
    scalar(summary, fresh, group + signal.column(), reading.value(), help);
    if (reading.error().isPresent()) {
      double error = reading.error().getAsDouble();
      scalar(summary, fresh, group + signal.errorColumn(), error, help);
    }
    if (!reading.parts().isEmpty()) {
      ProtoWriter value = new ProtoWriter().text(1, group + signal.column() + "_parts");
      value.message(5, histogram(signal, reading.parts()));
      summary.message(1, value);
    }
  }

  private void scalar(
      ProtoWriter summary, Set<String> fresh, String tag, double value, String help) {
    ProtoWriter written = new ProtoWriter().text(1, tag).real(2, (float) value);
    if (!help.isEmpty() && !described.contains(tag)) {
      fresh.add(tag);
      ProtoWriter plugin = new ProtoWriter().text(1, "scalars");
      written.message(
          9,
          new ProtoWriter()
              .message(1, plugin)
              .text(3, Panels.plain(help))
              .number(4, DATA_CLASS_SCALAR));
    }
    summary.message(1, written);
  }

  private static ProtoWriter histogram(Signal signal, List<Double> parts) {
    double[] values =
        parts.stream().mapToDouble(p -> p).filter(Double::isFinite).sorted().toArray();
    if (signal.group() == Signal.Group.SPREAD) {
      double[] edges = SpectralDensity.edges();
      double[] weights = parts.stream().mapToDouble(p -> p).toArray();
      int first = 0;
      int last = weights.length;
      while (first < last - 1 && weights[first] == 0) {
        first++;
      }
      while (last > first + 1 && weights[last - 1] == 0) {
        last--;
      }
      return histogram(
          Arrays.copyOfRange(edges, first + 1, last + 1),
          Arrays.copyOfRange(weights, first, last),
          edges[first]);
    }
    double least = values.length == 0 ? 0 : values[0];
    double most = values.length == 0 ? 0 : values[values.length - 1];
    double width = most > least ? (most - least) / BUCKETS : 1;
    double[] ends = new double[BUCKETS];
    double[] counts = new double[BUCKETS];
    Arrays.setAll(ends, i -> i == BUCKETS - 1 && most > least ? most : least + (i + 1) * width);
    for (double value : values) {
      counts[Math.clamp((int) ((value - least) / width), 0, BUCKETS - 1)]++;
    }
    return histogram(ends, counts, least);
  }

  /** Sums from the middles of the buckets. */
  private static ProtoWriter histogram(double[] ends, double[] counts, double least) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < ends.length; i++) {
      double middle = ((i == 0 ? least : ends[i - 1]) + ends[i]) / 2;
      sum += counts[i] * middle;
      squares += counts[i] * middle * middle;
    }
    return new ProtoWriter()
        .real(1, least)
        .real(2, ends[ends.length - 1])
        .real(3, Arrays.stream(counts).sum())
        .real(4, sum)
        .real(5, squares)
        .reals(6, ends)
        .reals(7, counts);
  }

  private static void text(ProtoWriter summary, Event event) {
    ProtoWriter tensor =
        new ProtoWriter()
            .number(1, DT_STRING)
            .message(2, new ProtoWriter().message(2, new ProtoWriter().number(1, 1)))
            .text(
                8,
                "**%s** (%s, %.3f): %s"
                    .formatted(
                        event.kind(),
                        event.signal().column(),
                        event.confidence(),
                        event.explanation()));
    ProtoWriter plugin = new ProtoWriter().text(1, "text");
    summary.message(
        1,
        new ProtoWriter()
            .text(1, "events/" + event.kind().name().toLowerCase(Locale.ROOT))
            .message(8, tensor)
            .message(9, new ProtoWriter().message(1, plugin)));
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
