package dynaxx.app.run;

import dynaxx.app.train.Trainer;
import dynaxx.monitor.Signal;
import dynaxx.spectrum.ExtremeEigenvalue;
import dynaxx.spectrum.GradientStatistics;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Spectrum;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
          "lambda_min",
          "lambda_min_residual",
          "lambda_max",
          "lambda_max_residual",
          "trace",
          "trace_error",
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
    Trainer.Validation v = validation;
    Snapshot s = snapshot;
    Spectrum spectrum = s == null ? null : s.spectrum();
    Stream<Object> beforeLayers =
        Stream.of(
            step,
            epoch,
            training.loss(),
            v == null ? null : v.loss(),
            v == null ? null : v.accuracy(),
            learningRate,
            batchSize,
            training.gradientNorm(),
            s == null ? null : s.gradients().map(GradientStatistics::variance).orElse(null),
            s == null ? null : spectrum.min().value(),
            s == null ? null : residual(spectrum.min()),
            s == null ? null : spectrum.max().value(),
            s == null ? null : residual(spectrum.max()),
            s == null ? null : spectrum.trace().value(),
            s == null ? null : spectrum.trace().standardError(),
            s == null ? null : s.sparseHeads());
    Stream<Object> afterLayers =
        Stream.of(
            preconditioned == null ? null : preconditioned.value(),
            preconditioned == null ? null : residual(preconditioned),
            stepSeconds,
            s == null ? null : s.seconds(),
            events);
    return Stream.of(beforeLayers, activeFractions(), afterLayers)
        .flatMap(fields -> fields)
        .map(StepRow::field)
        .collect(Collectors.joining(","));
  }

  /** The mean over the layers, and each of them. */
  private Stream<Object> activeFractions() {
    if (rectifierLayers == 0) {
      return Stream.empty();
    }
    if (snapshot == null) {
      return Stream.generate(() -> null).limit(1 + rectifierLayers);
    }
    List<Double> fractions = snapshot.activeFractions();
    double mean = fractions.stream().mapToDouble(f -> f).average().orElseThrow();
    return Stream.concat(Stream.of(mean), fractions.stream());
  }

  private static Double residual(ExtremeEigenvalue found) {
    return found.residual().isPresent() ? found.residual().getAsDouble() : null;
  }

  private static String field(Object value) {
    return switch (value) {
      case null -> "";
      case Double d -> String.format(Locale.ROOT, "%.9g", d);
      default -> value.toString();
    };
  }
}
