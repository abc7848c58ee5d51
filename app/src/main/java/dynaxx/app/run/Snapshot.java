package dynaxx.app.run;

import dynaxx.spectrum.ExtremeEigenvalue;
import dynaxx.spectrum.Hutchinson;

/**
 * Curvature of the loss over the fixed subset at one point of training.
 *
 * @param gradientVariance across micro-batches of the subset
 * @param min smallest eigenvalue
 * @param max largest eigenvalue
 * @param trace Hutchinson estimate
 * @param sparseHeads attention heads whose mean entropy is below {@link #SPARSE_NATS}
 * @param seconds the measurement took
 */
public record Snapshot(
    double gradientVariance,
    ExtremeEigenvalue min,
    ExtremeEigenvalue max,
    Hutchinson.Trace trace,
    int sparseHeads,
    double seconds) {

  /** Mean entropy, in nats, below which a head counts as sparse. */
  public static final double SPARSE_NATS = 0.5;
}
