package dynaxx.app.run;

import dynaxx.spectrum.Hutchinson;
import dynaxx.spectrum.RitzValue;

/**
 * Curvature of the loss over the fixed subset at one point of training.
 *
 * @param gradientVariance across micro-batches of the subset
 * @param min smallest Ritz value
 * @param max largest Ritz value
 * @param trace Hutchinson estimate
 * @param sparseHeads attention heads whose mean entropy is below {@link #SPARSE_NATS}
 * @param seconds the measurement took
 */
public record Snapshot(
    double gradientVariance,
    RitzValue min,
    RitzValue max,
    Hutchinson.Trace trace,
    int sparseHeads,
    double seconds) {

  /** Mean entropy, in nats, below which a head counts as sparse. */
  public static final double SPARSE_NATS = 0.5;
}
