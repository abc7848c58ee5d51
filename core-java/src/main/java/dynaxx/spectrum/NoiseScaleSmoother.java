package dynaxx.spectrum;

import dynaxx.operator.NonFiniteException;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Exponential moving average of noise scales over training steps, without the bias towards zero of
 * the first steps (Kingma and Ba, 2015, section 3). Numerator and denominator are averaged apart,
 * since the mean of ratios is biased (McCandlish et al., 2018, appendix A.1). Holds state; one
 * thread at a time.
 */
public final class NoiseScaleSmoother {

  private final double decay;
  private double weight;
  private double squaredWeights;
  private double trace;
  private double signal;
  private double traceSquares;
  private double signalSquares;
  private double products;
  private long count;

  /**
   * Starts without values.
   *
   * @param decay factor by which earlier steps lose weight at each step, from 0 to below 1; about
   *     {@code 1 / (1 - decay)} steps count
   * @throws IllegalArgumentException if the decay is out of range
   */
  public NoiseScaleSmoother(double decay) {
    if (!(decay >= 0 && decay < 1)) {
      throw new IllegalArgumentException("decay: found " + decay + ", expected from 0 to below 1");
    }
    this.decay = decay;
  }

  /**
   * Takes a step's noise scale; its errors are not used. Moments are updated in the manner of West
   * (1979).
   *
   * @param step measured at this step
   * @throws NonFiniteException if a value is NaN or infinite; the average then stays as it was
   */
  public void add(NoiseScale step) {
    double x = NonFiniteException.check("trace of the gradient covariance", step.traceSigma());
    double y = NonFiniteException.check("squared gradient", step.squaredGradient());
    double gain = 1 - decay;
    weight = decay * weight + gain;
    squaredWeights = decay * decay * squaredWeights + gain * gain;
    double dx = x - trace;
    double dy = y - signal;
    trace += gain / weight * dx;
    signal += gain / weight * dy;
    traceSquares = decay * traceSquares + gain * dx * (x - trace);
    signalSquares = decay * signalSquares + gain * dy * (y - signal);
    products = decay * products + gain * dx * (y - signal);
    count++;
  }

  /**
   * The average. Its errors come from the scatter of the steps: they suppose that steps are
   * independent; a drift within the window makes them larger. The error of the ratio is that of its
   * first-order expansion.
   *
   * @return averaged numerator and denominator, with errors from two steps of weight on; nothing
   *     before the first step
   */
  public Optional<NoiseScale> value() {
    if (count == 0) {
      return Optional.empty();
    }
    double share = squaredWeights / (weight * weight);
    if (count < 2 || share >= 1) {
      OptionalDouble unknown = OptionalDouble.empty();
      return Optional.of(new NoiseScale(trace, unknown, signal, unknown, unknown));
    }
    // weighted variances, corrected for their degrees of freedom, of means with these weights
    double scale = share / (1 - share) / weight;
    double ratio = trace / signal;
    double spread = traceSquares - 2 * ratio * products + ratio * ratio * signalSquares;
    return Optional.of(
        new NoiseScale(
            trace,
            OptionalDouble.of(Math.sqrt(scale * traceSquares)),
            signal,
            OptionalDouble.of(Math.sqrt(scale * signalSquares)),
            signal > 0
                ? OptionalDouble.of(Math.sqrt(scale * Math.max(0, spread)) / signal)
                : OptionalDouble.empty()));
  }
}
