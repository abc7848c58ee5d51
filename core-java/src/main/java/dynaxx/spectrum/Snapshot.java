package dynaxx.spectrum;

import java.util.Arrays;
import java.util.List;
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
 * @param attentionEntropy mean entropy in nats of each head's attention rows, for each attention
 *     op; empty without attention
 * @param activeFractions fraction, from 0 to 1, of each rectifier layer's inputs that are above
 *     zero, over examples, units and their positions; empty without rectifiers
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
    List<double[]> attentionEntropy,
    List<Double> activeFractions,
    double gradientEquivalents,
    double seconds) {

  /** Mean entropy, in nats, below which a head counts as sparse. */
  public static final double SPARSE_NATS = 0.5;

  /**
   * The noise scale: over single examples, with errors, if they were measured, and else from the
   * micro-batches, without.
   *
   * @return the noise scale, or nothing if neither was measured
   */
  public Optional<NoiseScale> noiseScale() {
    return examples
        .map(ExampleStatistics::noiseScale)
        .or(() -> gradients.map(GradientStatistics::noiseScale));
  }

  /**
   * Heads whose mean attention entropy is below {@link #SPARSE_NATS}.
   *
   * @return how many
   */
  public int sparseHeads() {
    return (int)
        attentionEntropy.stream()
            .flatMapToDouble(Arrays::stream)
            .filter(nats -> nats < SPARSE_NATS)
            .count();
  }
}
