package dynaxx.app.run;

import dynaxx.app.train.Trainer;
import dynaxx.monitor.MetricsFormat;
import dynaxx.monitor.Observation;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One line of {@code metrics.csv}: what is known about the parameters before update {@code step}.
 *
 * @param step number of updates made so far
 * @param epoch passes over the training images so far
 * @param training loss and gradient norm of this step's batch
 * @param validation or null if not measured here
 * @param learningRate of the update, or null after the last
 * @param batchSize examples of a batch
 * @param snapshot or null if not measured here
 * @param stepSeconds time of this step without validation and snapshot
 * @param events kinds of the events noticed here, separated by spaces; may be empty
 */
public record StepRow(
    int step,
    double epoch,
    Trainer.Step training,
    Trainer.Validation validation,
    Double learningRate,
    int batchSize,
    Snapshot snapshot,
    double stepSeconds,
    String events) {

  private static final int DIGITS = 9;

  /** The columns that are no signals, with what the documentation says of them. */
  public enum Column {
    STEP("updates", "Updates made so far; a line describes the parameters before the next."),
    EPOCH("passes", "Passes over the training data so far."),
    STEP_SECONDS("s", "Time of the training step, without validation and snapshot."),
    SNAPSHOT_SECONDS("s", "Time of the snapshot."),
    EVENT(
        "",
        "Kinds of the events that the calibrated rules noticed here, separated by spaces;"
            + " `RESTART` where training was started again.");

    private final String unit;
    private final String documentation;

    Column(String unit, String documentation) {
      this.unit = unit;
      this.documentation = documentation;
    }

    /** Its name in the header. */
    public String column() {
      return name().toLowerCase(Locale.ROOT);
    }

    public String unit() {
      return unit;
    }

    public String documentation() {
      return documentation;
    }
  }

  /**
   * Format of the lines about a network.
   *
   * @param layers by signal, as {@link dynaxx.spectrum.CurvatureProbe#layers} counts them
   */
  public static MetricsFormat format(Map<Signal, Integer> layers) {
    List<String> columns = new ArrayList<>(List.of(Column.STEP.column(), Column.EPOCH.column()));
    columns.addAll(MetricsFormat.columns(List.of(Signal.values()), layers));
    columns.add(Column.STEP_SECONDS.column());
    columns.add(Column.SNAPSHOT_SECONDS.column());
    columns.add(Column.EVENT.column());
    return MetricsFormat.of(columns).withDigits(DIGITS);
  }

  /** Format of the lines of a file that a run, perhaps of an earlier version, has begun. */
  static MetricsFormat format(String header) {
    return MetricsFormat.ofHeader(header).withDigits(DIGITS);
  }

  /** The line, without its end; fields that were not measured are empty. */
  String csv(MetricsFormat format) {
    Observation measured =
        Observation.at(step)
            .with(Signal.LOSS, training.loss())
            .with(Signal.GRADIENT_NORM, training.gradientNorm())
            .with(Signal.BATCH_SIZE, batchSize);
    if (validation != null) {
      measured =
          measured
              .with(Signal.VALIDATION_LOSS, validation.loss())
              .with(Signal.VALIDATION_ACCURACY, validation.accuracy());
    }
    if (learningRate != null) {
      measured = measured.with(Signal.LEARNING_RATE, learningRate);
    }
    if (snapshot != null) {
      measured = measured.with(snapshot);
    }
    Map<String, Object> others = new HashMap<>();
    others.put(Column.EPOCH.column(), epoch);
    others.put(Column.STEP_SECONDS.column(), stepSeconds);
    if (snapshot != null) {
      others.put(Column.SNAPSHOT_SECONDS.column(), snapshot.seconds());
    }
    others.put(Column.EVENT.column(), events);
    return format.line(measured, others);
  }
}
