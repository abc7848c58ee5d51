package dynaxx.spectrum;

import dynaxx.device.Algebra;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Curvature of micro-batches, each along its own gradient: the mean of {@code g_B'H_B g_B /
 * g_B'g_B}, for which mini-batch training has an edge of stability (Andreyev and Beneventano, 2024,
 * arXiv:2412.20553), or of {@code s'H_B s / s'P s} with {@code s = P^-1 g_B} for Adam with
 * preconditioner P.
 */
final class BatchSharpness {

  /** Micro-batches at most: what is measured is a mean, with its standard error. */
  static final int MOST = 32;

  private BatchSharpness() {}

  /**
   * Examples of a micro-batch: as many as the update's batch has where the subset holds two such,
   * the whole subset if it is smaller than that, and else what the settings say.
   *
   * @param batch examples of the update's batch, 0 if not known
   * @param otherwise micro-batches of the settings, 0 if none
   */
  static int size(int examples, long batch, int otherwise) {
    if (batch > 0) {
      return (int) (2 * batch <= examples ? batch : examples);
    }
    return Math.max(1, examples / Math.max(2, otherwise));
  }

  /**
   * Measures, with a gradient and a quadratic form of each micro-batch.
   *
   * @param hessian over as many examples as a micro-batch has; left at the last one
   * @param subset at most {@link #MOST} micro-batches of it are measured
   * @return mean and standard error, which a single micro-batch does not have; nothing if all
   *     gradients are zero
   */
  static Optional<Reading> measure(
      Hessian hessian, Batch subset, Buffer parameters, AdamNorm adam) {
    int size = hessian.examples();
    int count = Math.min(MOST, subset.examples() / size);
    List<Double> curvatures = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      hessian.batch(subset.slice(i * size, size)).linearize(parameters);
      double norm = hessian.gradientNorm();
      if (norm > 0) {
        curvatures.add(NonFiniteException.check("batch sharpness", along(hessian, norm, adam)));
      }
    }
    return reading(curvatures.stream().mapToDouble(c -> c).toArray());
  }

  private static double along(Hessian hessian, double norm, AdamNorm adam) {
    Algebra algebra = hessian.device().algebra();
    try (Scope scope = Scope.open()) {
      Buffer unit = hessian.device().allocate(scope, hessian.dimension());
      algebra.axpby(1 / norm, hessian.gradient(), 0, unit);
      if (adam == null) {
        return form(hessian, unit) / algebra.dot(unit, unit);
      }
      Buffer step = hessian.device().allocate(scope, hessian.dimension());
      adam.solve(unit, step);
      // s'P s = s'g, as s is P^-1 g
      double squares = algebra.dot(step, unit);
      double length = Math.sqrt(algebra.dot(step, step));
      algebra.axpby(0, step, 1 / length, step);
      return form(hessian, step) * length * length / squares;
    }
  }

  private static double form(Hessian hessian, Buffer direction) {
    return hessian.quadraticForm(Vectors.of(direction, 1, direction.size()))[0];
  }

  private static Optional<Reading> reading(double[] values) {
    if (values.length == 0) {
      return Optional.empty();
    }
    double mean = Arrays.stream(values).average().orElseThrow();
    if (values.length == 1) {
      return Optional.of(Reading.of(mean));
    }
    double squares = Arrays.stream(values).map(x -> (x - mean) * (x - mean)).sum();
    double error = Math.sqrt(squares / (values.length - 1) / values.length);
    return Optional.of(new Reading(mean, OptionalDouble.of(error)));
  }
}
