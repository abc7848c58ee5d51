package dynaxx.spectrum;

import dynaxx.memory.Buffer;
import dynaxx.network.Batch;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Signal.Reading;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * Curvature and gradient statistics of a network's loss over a fixed subset, at one set of
 * parameters.
 *
 * @param loss mean over the subset
 * @param gradientNorm norm of its gradient
 * @param spectrum of the Hessian
 * @param gradients statistics of the gradient over micro-batches; empty if not wanted
 * @param examples the same over single examples; empty if not wanted
 * @param subset the spectrum's estimates on parts of the subset; empty if not wanted
 * @param readings everything of it that is a signal; the constructor adds those of spectrum and
 *     gradients to what it is given
 * @param gradientEquivalents work in gradients over the subset, counted in matrix products
 * @param seconds the measurement took
 */
public record Snapshot(
    double loss,
    double gradientNorm,
    Spectrum spectrum,
    Optional<GradientStatistics> gradients,
    Optional<ExampleStatistics> examples,
    Optional<SubsetSpread> subset,
    Map<Signal, Reading> readings,
    double gradientEquivalents,
    double seconds) {

  /** Completes the readings. */
  public Snapshot {
    Map<Signal, Reading> all = new EnumMap<>(Signal.class);
    all.putAll(SnapshotReadings.of(spectrum, gradients, examples));
    all.putAll(readings);
    readings = Collections.unmodifiableMap(all);
  }

  /**
   * The noise scale: over single examples, with errors, if they were measured, and else from the
   * micro-batches, without.
   *
   * @return the noise scale, or nothing if neither was measured
   */
  public Optional<NoiseScale> noiseScale() {
    return SnapshotReadings.noiseScale(gradients, examples);
  }

  /**
   * The reading of a signal.
   *
   * @param signal what was measured
   * @return the reading, or nothing if the snapshot did not measure it
   */
  public Optional<Reading> reading(Signal signal) {
    return Optional.ofNullable(readings.get(signal));
  }

  /**
   * How far the learning rate is from its limit, within the residual of the sharpness; {@link
   * SubsetSpread} says how much depends on the examples.
   *
   * @return the margin, or nothing if the host told no update or the sharpness was not measured
   */
  public Optional<Update.Margin> margin() {
    return reading(Signal.SHARPNESS_RATIO)
        .map(
            found ->
                new Update.Margin(
                    found.value(),
                    found.value() - found.errorOr(0),
                    found.value() + found.errorOr(0)));
  }

  /**
   * How much the estimates depend on which examples were measured: the same estimates from disjoint
   * parts of the subset, with the same start vectors and probes. The smallest eigenvalue of a part
   * is on average below that of the whole, the largest above, because they are concave and convex
   * in the matrix; the same bias, less of it, separates the whole subset from all data. The trace
   * has none.
   *
   * @param examples of each part
   * @param min smallest Ritz values
   * @param max largest Ritz values
   * @param trace Hutchinson estimates, with the same plain probes for each part: their mean is that
   *     estimate for all parts together, their deviation is the data's
   * @param converged whether both eigenvalues of every part have converged
   * @param gradientEquivalents work in gradients over the whole subset
   */
  public record SubsetSpread(
      int examples,
      Spread min,
      Spread max,
      Spread trace,
      boolean converged,
      double gradientEquivalents) {

    /**
     * One estimate over all parts.
     *
     * @param values one for each part
     */
    public record Spread(double[] values) {

      /**
       * Mean over the parts.
       *
       * @return the mean
       */
      public double mean() {
        return Arrays.stream(values).average().orElseThrow();
      }

      /**
       * Standard deviation over the parts (unbiased variance).
       *
       * @return how far one part's value typically lies from another's
       */
      public double standardDeviation() {
        double mean = mean();
        double squares = Arrays.stream(values).map(x -> (x - mean) * (x - mean)).sum();
        return Math.sqrt(squares / (values.length - 1));
      }

      /**
       * Standard error of the mean over the parts. Of the trace it is the sampling error of the
       * whole subset's value.
       *
       * @return standard deviation divided by the root of the number of parts
       */
      public double standardError() {
        return standardDeviation() / Math.sqrt(values.length);
      }

      /**
       * How far the parts' mean lies from the value over the whole subset.
       *
       * @param whole the same estimate over the whole
       * @return mean minus whole
       */
      public double shift(double whole) {
        return mean() - whole;
      }
    }

    /**
     * Measures the parts one after the other; each costs its share of what the whole costs.
     *
     * @param hessian over as many examples as a part has; left at the last part
     * @param batch the subset, best where the device computes; examples left over at the end take
     *     no part
     * @param lanczos steps and seed, as for the whole
     * @param probes Rademacher probes of the trace, as for the whole
     * @param parameters n values, best where the device computes
     * @return the spread
     * @throws IllegalArgumentException if the batch has fewer than two parts
     */
    public static SubsetSpread measure(
        Hessian hessian, Batch batch, Lanczos lanczos, Hutchinson probes, Buffer parameters) {
      int examples = hessian.examples();
      int parts = batch.examples() / examples;
      if (parts < 2) {
        throw new IllegalArgumentException(
            "batch: found %d examples, expected two parts of %d at least"
                .formatted(batch.examples(), examples));
      }
      double[][] values = new double[3][parts];
      double work = 0;
      boolean converged = true;
      for (int i = 0; i < parts; i++) {
        hessian.batch(batch.slice(i * examples, examples));
        CountedOperator counted = new CountedOperator(hessian.linearize(parameters));
        Lanczos.Result result = lanczos.run(counted);
        values[0][i] = result.min().value();
        values[1][i] = result.max().value();
        converged &= result.min().converged() && result.max().converged();
        values[2][i] = probes.run(counted).value();
        work += (1 + counted.cost().gradientEquivalents()) * examples / batch.examples();
      }
      return new SubsetSpread(
          examples,
          new Spread(values[0]),
          new Spread(values[1]),
          new Spread(values[2]),
          converged,
          work);
    }
  }
}
