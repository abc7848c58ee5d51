package dynaxx.spectrum;

import dynaxx.operator.NonFiniteException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.IntToDoubleFunction;

/**
 * How noisy the gradient of one example is, against the true gradient G (McCandlish, Kaplan, Amodei
 * and the OpenAI Dota team, 2018, "An empirical model of large-batch training", section 2.2 and
 * appendix A.1): a batch of {@code tr Sigma / |G|^2} examples has a gradient with as much noise as
 * signal. Both quantities are estimated without bias, so {@code |G|^2} may come out negative when
 * the noise drowns it; the ratio is then undetermined, not large.
 *
 * @param traceSigma trace of the covariance of single examples' gradients: the sum over parameters
 *     of their unbiased variance
 * @param traceSigmaError its standard error, if the data give one
 * @param squaredGradient unbiased estimate of the squared norm of the true gradient
 * @param squaredGradientError its standard error, if the data give one
 * @param simpleError standard error of {@link #simple}, if that is determined and the data give one
 */
public record NoiseScale(
    double traceSigma,
    OptionalDouble traceSigmaError,
    double squaredGradient,
    OptionalDouble squaredGradientError,
    OptionalDouble simpleError) {

  /** Error of a squared norm of a gradient in float32, as part of it. */
  private static final double ROUNDING = 1e-6;

  /** At this multiple of the critical batch size, a doubling saves at most a tenth of the steps. */
  private static final double LITTLE = 4;

  /**
   * The simple noise scale {@code tr Sigma / |G|^2}, in examples. The ratio of two unbiased
   * estimates is biased itself, the more the larger their errors; average numerator and denominator
   * over steps with {@link Smoother} before dividing.
   *
   * @return the ratio, 0 if the estimate of {@code tr Sigma} is negative, or nothing if that of
   *     {@code |G|^2} is not positive
   */
  public OptionalDouble simple() {
    return squaredGradient > 0
        ? OptionalDouble.of(Math.max(0, traceSigma) / squaredGradient)
        : OptionalDouble.empty();
  }

  /**
   * What the noise scale means for the batch size, taken as the critical one: with batches of B
   * examples a goal takes {@code 1 + critical / B} times the steps that it takes with the largest
   * batches (McCandlish et al., 2018, equation 2.11), so that from four times the critical size on
   * a doubling saves at most a tenth of the steps.
   *
   * @return advice in a sentence, with the uncertainty, two standard errors to each side
   */
  public String batchAdvice() {
    if (simple().isEmpty()) {
      return "critical batch size undetermined: noise drowns the gradient of these examples, so"
          + " larger batches than all of them would still help";
    }
    double critical = simple().getAsDouble();
    if (simpleError().isEmpty()) {
      return String.format(
          Locale.ROOT,
          "critical batch size about %s, error undetermined: at %s examples and more, larger"
              + " batches would buy little",
          rounded(critical),
          rounded(LITTLE * critical));
    }
    double error = 2 * simpleError().getAsDouble();
    return String.format(
        Locale.ROOT,
        "critical batch size %s (%s to %s): at %s examples and more, larger batches buy little",
        rounded(critical),
        rounded(Math.max(0, critical - error)),
        rounded(critical + error),
        rounded(LITTLE * (critical + error)));
  }

  /** Two digits, as a whole number of examples from 1 on. */
  private static String rounded(double examples) {
    double size = Math.max(1, examples);
    double unit = Math.pow(10, Math.max(0, Math.floor(Math.log10(size)) - 1));
    return String.format(Locale.ROOT, "%,.0f", Math.round(size / unit) * unit);
  }

  /**
   * From moments of single examples' gradients: {@code tr Sigma = b / (b - 1) (mean |g_i|^2 -
   * |mean|^2)}, {@code |G|^2 = |mean|^2 - tr Sigma / b}. These numbers alone give no errors.
   *
   * @param examples number of examples b, at least 2
   * @param meanSquaredNorm mean of {@code |g_i|^2}
   * @param squaredNormOfMean squared norm of the mean gradient
   * @return the noise scale, without errors
   * @throws IllegalArgumentException if there are fewer than two examples or a norm is negative
   * @throws NonFiniteException if a norm is NaN or infinite
   */
  public static NoiseScale ofExamples(
      int examples, double meanSquaredNorm, double squaredNormOfMean) {
    requireExamples(examples);
    requireNorm("meanSquaredNorm", meanSquaredNorm);
    requireNorm("squaredNormOfMean", squaredNormOfMean);
    double traceSigma = traceSigma(examples, meanSquaredNorm, squaredNormOfMean);
    return withoutErrors(traceSigma, squaredNormOfMean - traceSigma / examples);
  }

  /**
   * From every example's gradient, with jackknife errors over the examples (Tukey, 1958): each
   * quantity is computed again without example i, for which {@code g_i'mean} is needed beside
   * {@code |g_i|^2}. Such errors are cautious: on average not too small (Efron and Stein, 1981),
   * and up to a factor of 1.4 too large for {@code |G|^2} where noise dominates.
   *
   * @param squaredNorms {@code |g_i|^2} of b examples, at least 2
   * @param alongMean {@code g_i'mean} of the same examples; their mean is the squared norm of the
   *     mean gradient
   * @return the noise scale; with errors from three examples on
   * @throws IllegalArgumentException if there are fewer than two examples or the lengths differ
   * @throws NonFiniteException if a value is NaN or infinite
   */
  public static NoiseScale ofExamples(double[] squaredNorms, double[] alongMean) {
    int b = squaredNorms.length;
    requireExamples(b);
    if (alongMean.length != b) {
      throw new IllegalArgumentException(
          "alongMean: found "
              + alongMean.length
              + " values, expected "
              + b
              + " as in squaredNorms");
    }
    double squares = finiteMean("squared norm of a gradient", squaredNorms);
    double mean = finiteMean("gradient along the mean", alongMean);
    double trace = traceSigma(b, squares, mean);
    double signal = mean - trace / b;
    if (b < 3) {
      return withoutErrors(trace, signal);
    }
    double[] traces = new double[b];
    double[] signals = new double[b];
    for (int i = 0; i < b; i++) {
      double others = (b * squares - squaredNorms[i]) / (b - 1);
      double without =
          (b * (b * mean - 2 * alongMean[i]) + squaredNorms[i]) / ((b - 1.0) * (b - 1.0));
      traces[i] = traceSigma(b - 1, others, without);
      signals[i] = without - traces[i] / (b - 1);
    }
    boolean determined = signal > 0 && Arrays.stream(signals).allMatch(s -> s > 0);
    return new NoiseScale(
        trace,
        OptionalDouble.of(jackknife(b, i -> traces[i])),
        signal,
        OptionalDouble.of(jackknife(b, i -> signals[i])),
        determined
            ? OptionalDouble.of(jackknife(b, i -> traces[i] / signals[i]))
            : OptionalDouble.empty());
  }

  /**
   * From gradients of two batch sizes, as data-parallel training has them: {@code |G|^2 = (B
   * |G_B|^2 - b |G_b|^2) / (B - b)}, {@code tr Sigma = (|G_b|^2 - |G_B|^2) / (1/b - 1/B)}. One step
   * alone gives no errors, and little: average over steps with {@link Smoother}.
   *
   * @param small examples of a small batch, b
   * @param smallSquaredNorm squared norm of the gradient over b examples; the mean over the small
   *     batches that make up the large one
   * @param large examples of the large batch, B, more than b
   * @param largeSquaredNorm squared norm of the gradient over B examples
   * @return the noise scale, without errors
   * @throws IllegalArgumentException if the sizes are not 1 &lt;= b &lt; B or a norm is negative
   * @throws NonFiniteException if a norm is NaN or infinite
   */
  public static NoiseScale ofBatchSizes(
      long small, double smallSquaredNorm, long large, double largeSquaredNorm) {
    if (small < 1 || large <= small) {
      throw new IllegalArgumentException(
          "batch sizes: found " + small + " and " + large + ", expected 1 <= small < large");
    }
    requireNorm("smallSquaredNorm", smallSquaredNorm);
    requireNorm("largeSquaredNorm", largeSquaredNorm);
    double b = small;
    double capital = large;
    return withoutErrors(
        (smallSquaredNorm - largeSquaredNorm) / (1 / b - 1 / capital),
        (capital * largeSquaredNorm - b * smallSquaredNorm) / (capital - b));
  }

  private static NoiseScale withoutErrors(double traceSigma, double squaredGradient) {
    OptionalDouble unknown = OptionalDouble.empty();
    return new NoiseScale(traceSigma, unknown, squaredGradient, unknown, unknown);
  }

  /** Never negative except by rounding: what rounding of the gradients can cause counts as zero. */
  private static double traceSigma(int b, double meanSquaredNorm, double squaredNormOfMean) {
    double difference = meanSquaredNorm - squaredNormOfMean;
    return difference > ROUNDING * meanSquaredNorm ? b / (b - 1.0) * difference : 0;
  }

  /** Standard error from the values found without each example. */
  private static double jackknife(int b, IntToDoubleFunction without) {
    double mean = 0;
    for (int i = 0; i < b; i++) {
      mean += without.applyAsDouble(i) / b;
    }
    double squares = 0;
    for (int i = 0; i < b; i++) {
      double difference = without.applyAsDouble(i) - mean;
      squares += difference * difference;
    }
    return Math.sqrt((b - 1.0) / b * squares);
  }

  private static double finiteMean(String what, double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += NonFiniteException.check(what, value);
    }
    return sum / values.length;
  }

  private static void requireExamples(int examples) {
    if (examples < 2) {
      throw new IllegalArgumentException(
          "examples: found " + examples + ", expected at least 2 (one gives no variance)");
    }
  }

  private static void requireNorm(String argument, double found) {
    if (NonFiniteException.check(argument, found) < 0) {
      throw new IllegalArgumentException(argument + ": found " + found + ", expected at least 0");
    }
  }

  /**
   * The simple noise scale in words.
   *
   * @return for example {@code 210 +- 30 examples}
   */
  @Override
  public String toString() {
    if (simple().isEmpty()) {
      return "undetermined: noise drowns the gradient of these examples";
    }
    String value = String.format(Locale.ROOT, "%.3g", simple().getAsDouble());
    return simpleError().isPresent()
        ? value + String.format(Locale.ROOT, " +- %.2g examples", simpleError().getAsDouble())
        : value + " examples, error undetermined";
  }

  /**
   * Exponential moving average of noise scales over training steps, without the bias towards zero
   * of the first steps (Kingma and Ba, 2015, section 3). Numerator and denominator are averaged
   * apart, since the mean of ratios is biased (McCandlish et al., 2018, appendix A.1). Holds state;
   * one thread at a time.
   */
  public static final class Smoother {

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
    public Smoother(double decay) {
      if (!(decay >= 0 && decay < 1)) {
        throw new IllegalArgumentException(
            "decay: found " + decay + ", expected from 0 to below 1");
      }
      this.decay = decay;
    }

    /**
     * Takes a step's noise scale; its errors are not used. Moments are updated in the manner of
     * West (1979).
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
     * independent; a drift within the window makes them larger. The error of the ratio is that of
     * its first-order expansion.
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
}
