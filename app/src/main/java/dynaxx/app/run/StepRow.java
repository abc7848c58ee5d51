package dynaxx.app.run;

import dynaxx.app.train.Trainer;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Reading;
import dynaxx.monitor.Signal;
import dynaxx.spectrum.ExtremeEigenvalue;
import dynaxx.spectrum.Snapshot;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

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
 * @param preconditioned largest eigenvalue of the preconditioned Hessian, or null
 * @param stepSeconds time of this step without validation and snapshot
 * @param events kinds of the events noticed here, separated by spaces; may be empty
 * @param rectifierLayers of the network; with any, there are columns for their active units
 */
public record StepRow(
    int step,
    double epoch,
    Trainer.Step training,
    Trainer.Validation validation,
    Double learningRate,
    int batchSize,
    Snapshot snapshot,
    ExtremeEigenvalue preconditioned,
    double stepSeconds,
    String events,
    int rectifierLayers) {

  private static final List<String> BEFORE_LAYERS =
      List.of(
          "step",
          "epoch",
          "loss",
          "validation_loss",
          "validation_accuracy",
          "learning_rate",
          "batch_size",
          "gradient_norm",
          "gradient_variance",
          "noise_scale",
          "lambda_min",
          "lambda_min_residual",
          "lambda_max",
          "lambda_max_residual",
          "trace",
          "trace_error",
          "attention_entropy",
          "attention_heads_sparse");

  private static final List<String> AFTER_LAYERS =
      List.of(
          "preconditioned_lambda_max",
          "preconditioned_lambda_max_residual",
          "step_seconds",
          "snapshot_seconds",
          "event");

  /**
   * Names of the columns, in order.
   *
   * @param rectifierLayers of the network
   */
  public static List<String> columns(int rectifierLayers) {
    List<String> columns = new ArrayList<>(BEFORE_LAYERS);
    if (rectifierLayers > 0) {
      columns.add(Signal.ACTIVE_FRACTION.column());
    }
    for (int layer = 1; layer <= rectifierLayers; layer++) {
      columns.add(Signal.ACTIVE_FRACTION.column(layer));
    }
    columns.addAll(AFTER_LAYERS);
    return columns;
  }

  /** The line, without its end; fields that were not measured are empty. */
  public String csv() {
    Observation measured = Observation.at(step);
    if (snapshot != null) {
      measured = measured.with(snapshot);
    }
    List<Object> fields = new ArrayList<>();
    Collections.addAll(fields, step, epoch, training.loss());
    fields.add(validation == null ? null : validation.loss());
    fields.add(validation == null ? null : validation.accuracy());
    Collections.addAll(fields, learningRate, batchSize, training.gradientNorm());
    for (Signal signal : List.of(Signal.GRADIENT_VARIANCE, Signal.NOISE_SCALE)) {
      fields.add(value(measured, signal));
    }
    for (Signal signal : List.of(Signal.LAMBDA_MIN, Signal.LAMBDA_MAX, Signal.TRACE)) {
      fields.add(value(measured, signal));
      fields.add(error(measured, signal));
    }
    fields.add(value(measured, Signal.ATTENTION_ENTROPY));
    boolean attention = measured.readings().containsKey(Signal.ATTENTION_HEADS_SPARSE);
    fields.add(attention ? snapshot.sparseHeads() : null);
    if (rectifierLayers > 0) {
      fields.add(value(measured, Signal.ACTIVE_FRACTION));
    }
    for (int layer = 0; layer < rectifierLayers; layer++) {
      fields.add(snapshot == null ? null : measured.activeFractions().get(layer));
    }
    fields.add(preconditioned == null ? null : preconditioned.value());
    OptionalDouble residual =
        preconditioned == null ? OptionalDouble.empty() : preconditioned.residual();
    fields.add(residual.isEmpty() ? null : residual.getAsDouble());
    fields.add(stepSeconds);
    fields.add(snapshot == null ? null : snapshot.seconds());
    fields.add(events);
    return fields.stream().map(StepRow::field).collect(Collectors.joining(","));
  }

  private static Double value(Observation measured, Signal signal) {
    Reading reading = measured.readings().get(signal);
    return reading == null ? null : reading.value();
  }

  private static Double error(Observation measured, Signal signal) {
    Reading reading = measured.readings().get(signal);
    return reading == null || reading.error().isEmpty() ? null : reading.error().getAsDouble();
  }

  private static String field(Object value) {
    return switch (value) {
      case null -> "";
      case Double d -> String.format(Locale.ROOT, "%.9g", d);
      default -> value.toString();
    };
  }
}
