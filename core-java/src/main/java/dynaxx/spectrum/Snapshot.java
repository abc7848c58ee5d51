package dynaxx.spectrum;

import dynaxx.memory.Buffer;
import dynaxx.network.Batch;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Signal.Reading;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Locale;
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
 * @param gradientEquivalents the work that was done, in gradients over the subset, counted in
 *     matrix products; {@code SnapshotWork} predicts it from the settings
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
   * How far the learning rate is from its limit, in words, within the residual of the sharpness;
   * {@link SubsetSpread} says how much depends on the examples.
   *
   * @return for example {@code 0.41 of the stability limit (0.37 to 0.46)}; nothing if the host
   *     told no update or the sharpness was not measured
   */
  public Optional<String> margin() {
    return reading(Signal.SHARPNESS_RATIO)
        .map(
            found ->
                String.format(
                    Locale.ROOT,
                    "%.2g of the stability limit (%.2g to %.2g)",
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
   * @param min smallest Ritz values, one sample for each part; its standard deviation says how far
   *     one part's value typically lies from another's
   * @param max largest Ritz values
   * @param trace Hutchinson estimates, with the same plain probes for each part: their mean is that
   *     estimate for all parts together, their deviation is the data's, and the standard error of
   *     their mean the sampling error of the whole subset's value
   * @param converged whether both eigenvalues of every part have converged
   * @param gradientEquivalents work in gradients over the whole subset
   */
  public record SubsetSpread(
      int examples,
      Estimate min,
      Estimate max,
      Estimate trace,
      boolean converged,
      double gradientEquivalents) {

    /**
     * Measures the parts one after the other; each costs its share of what the whole costs.
     *
     * @param hessian over as many examples as a part has; left at the last part
     * @param batch the subset, best where the device computes; examples left over at the end take
     *     no part
     * @param lanczos steps and seed, as for the whole
     * @param probes of the trace, as for the whole
     * @param parameters n values, best where the device computes
     * @return the spread
     * @throws IllegalArgumentException if the batch has fewer than two parts
     */
    public static SubsetSpread measure(
        Hessian hessian, Batch batch, Lanczos lanczos, TraceEstimator probes, Buffer parameters) {
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
          Estimate.of(values[0]),
          Estimate.of(values[1]),
          Estimate.of(values[2]),
          converged,
          work);
    }
  }
}
