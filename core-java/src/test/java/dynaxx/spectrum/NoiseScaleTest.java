package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.NoiseScale.Smoother;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;

class NoiseScaleTest {

  /** Standard deviations of the components of a gradient, and the true gradient. */
  private static final double[] DEVIATIONS = {0.5, 1, 2, 0.1, 1.5};

  private static final double[] TRUE_GRADIENT = {1, -1, 0.5, 2, 0};
  private static final double TRACE = Numbers.dot(DEVIATIONS, DEVIATIONS);
  private static final double SIGNAL = Numbers.dot(TRUE_GRADIENT, TRUE_GRADIENT);

  private static double[][] gradients(Random random, int examples, double signal) {
    double[][] gradients = new double[examples][DEVIATIONS.length];
    for (double[] gradient : gradients) {
      for (int j = 0; j < gradient.length; j++) {
        gradient[j] = signal * TRUE_GRADIENT[j] + DEVIATIONS[j] * random.nextGaussian();
      }
    }
    return gradients;
  }

  private static double[] mean(double[][] gradients) {
    double[] mean = new double[gradients[0].length];
    for (double[] gradient : gradients) {
      for (int j = 0; j < mean.length; j++) {
        mean[j] += gradient[j] / gradients.length;
      }
    }
    return mean;
  }

  private static NoiseScale ofExamples(double[][] gradients) {
    double[] mean = mean(gradients);
    return NoiseScale.ofExamples(
        Arrays.stream(gradients).mapToDouble(g -> Numbers.dot(g, g)).toArray(),
        Arrays.stream(gradients).mapToDouble(g -> Numbers.dot(g, mean)).toArray());
  }

  private static NoiseScale withoutErrors(double[][] gradients) {
    double[] mean = mean(gradients);
    double squares =
        Arrays.stream(gradients).mapToDouble(g -> Numbers.dot(g, g)).average().orElseThrow();
    return NoiseScale.ofExamples(gradients.length, squares, Numbers.dot(mean, mean));
  }

  @Test
  void isTheSumOfVariancesWhicheverWay() {
    double[][] gradients = gradients(new Random(1), 12, 1);
    double[] mean = mean(gradients);
    double variance = 0;
    double squares = 0;
    for (double[] gradient : gradients) {
      squares += Numbers.dot(gradient, gradient) / 12;
      for (int j = 0; j < mean.length; j++) {
        variance += (gradient[j] - mean[j]) * (gradient[j] - mean[j]) / 11;
      }
    }
    double signal = Numbers.dot(mean, mean) - variance / 12;
    NoiseScale large = NoiseScale.ofBatchSizes(1, squares, 12, Numbers.dot(mean, mean));
    for (NoiseScale scale :
        new NoiseScale[] {ofExamples(gradients), withoutErrors(gradients), large}) {
      assertEquals(variance, scale.traceSigma(), 1e-13 * variance);
      assertEquals(signal, scale.squaredGradient(), 1e-13 * squares);
      assertEquals(variance / signal, scale.simple().orElseThrow(), 1e-12 * variance / signal);
    }
    assertTrue(withoutErrors(gradients).traceSigmaError().isEmpty());
    assertTrue(large.squaredGradientError().isEmpty());
  }

  @Test
  void errorsAreThoseOfLeavingOneOut() {
    int b = 9;
    double[][] gradients = gradients(new Random(2), b, 3);
    NoiseScale[] without = new NoiseScale[b];
    for (int i = 0; i < b; i++) {
      int left = i;
      double[][] others =
          Arrays.stream(gradients).filter(g -> g != gradients[left]).toArray(double[][]::new);
      without[i] = withoutErrors(others);
    }
    NoiseScale scale = ofExamples(gradients);
    assertEquals(
        jackknife(without, NoiseScale::traceSigma), scale.traceSigmaError().orElseThrow(), 1e-12);
    assertEquals(
        jackknife(without, NoiseScale::squaredGradient),
        scale.squaredGradientError().orElseThrow(),
        1e-12);
    assertEquals(
        jackknife(without, s -> s.simple().orElseThrow()),
        scale.simpleError().orElseThrow(),
        1e-12);
  }

  private static double jackknife(NoiseScale[] without, ToDoubleFunction<NoiseScale> f) {
    double b = without.length;
    double mean = Arrays.stream(without).mapToDouble(f).average().orElseThrow();
    double squares = Arrays.stream(without).mapToDouble(f).map(x -> (x - mean) * (x - mean)).sum();
    return Math.sqrt((b - 1) / b * squares);
  }

  /** Means over many draws, within four of their standard errors; errors that fit the scatter. */
  @Test
  void isUnbiasedWithErrorsThatFit() {
    Random random = new Random(3);
    int draws = 6000;
    double[][] found = new double[6][draws];
    for (int i = 0; i < draws; i++) {
      double[][] gradients = gradients(random, 8, 1);
      NoiseScale scale = ofExamples(gradients);
      found[0][i] = scale.traceSigma();
      found[1][i] = scale.squaredGradient();
      found[2][i] = Math.pow(scale.traceSigmaError().orElseThrow(), 2);
      found[3][i] = Math.pow(scale.squaredGradientError().orElseThrow(), 2);
      double[][] pairs = new double[4][];
      Arrays.setAll(pairs, j -> mean(new double[][] {gradients[2 * j], gradients[2 * j + 1]}));
      double small =
          Arrays.stream(pairs).mapToDouble(g -> Numbers.dot(g, g)).average().orElseThrow();
      double[] whole = mean(gradients);
      NoiseScale two = NoiseScale.ofBatchSizes(2, small, 8, Numbers.dot(whole, whole));
      found[4][i] = two.traceSigma();
      found[5][i] = two.squaredGradient();
    }
    assertMean(TRACE, found[0]);
    assertMean(SIGNAL, found[1]);
    assertMean(TRACE, found[4]);
    assertMean(SIGNAL, found[5]);
    // The jackknife is never too small on average (Efron and Stein, 1981), and at most twice too
    // large for statistics that are quadratic in the mean.
    for (int i = 0; i < 2; i++) {
      double ratio = Arrays.stream(found[i + 2]).average().orElseThrow() / variance(found[i]);
      assertTrue(ratio > 0.95 && ratio < 2, "jackknife variance / variance " + ratio);
    }
  }

  private static void assertMean(double expected, double[] found) {
    double error = Math.sqrt(variance(found) / found.length);
    assertEquals(expected, Arrays.stream(found).average().orElseThrow(), 4 * error);
  }

  private static double variance(double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    return Arrays.stream(values).map(x -> (x - mean) * (x - mean)).sum() / (values.length - 1);
  }

  @Test
  void isUndeterminedWithoutSignal() {
    NoiseScale drowned = NoiseScale.ofExamples(4, 10, 1);
    assertEquals(12, drowned.traceSigma());
    assertEquals(-2, drowned.squaredGradient());
    assertEquals(OptionalDouble.empty(), drowned.simple());
    assertEquals(OptionalDouble.empty(), NoiseScale.ofExamples(4, 4, 1).simple(), "zero signal");
    Random random = new Random(4);
    int undetermined = 0;
    for (int i = 0; i < 100; i++) {
      NoiseScale scale = ofExamples(gradients(random, 6, 0));
      undetermined += scale.simple().isEmpty() ? 1 : 0;
      assertTrue(scale.simple().isPresent() || scale.simpleError().isEmpty());
      assertTrue(scale.squaredGradientError().isPresent());
    }
    assertTrue(undetermined > 20 && undetermined < 90, "undetermined " + undetermined);
  }

  @Test
  void twoExamplesGiveNoErrors() {
    NoiseScale two = NoiseScale.ofExamples(new double[] {4, 4}, new double[] {2, 2});
    assertEquals(4, two.traceSigma());
    assertEquals(0, two.squaredGradient());
    assertTrue(two.traceSigmaError().isEmpty() && two.simple().isEmpty());
  }

  @Test
  void smootherDividesMeansNotRatios() {
    Smoother smoother = new Smoother(0.9);
    assertTrue(smoother.value().isEmpty());
    smoother.add(NoiseScale.ofExamples(4, 10, 1));
    NoiseScale first = smoother.value().orElseThrow();
    assertEquals(12, first.traceSigma(), 1e-12);
    assertEquals(-2, first.squaredGradient(), 1e-12);
    assertTrue(first.simple().isEmpty() && first.traceSigmaError().isEmpty());
    smoother.add(NoiseScale.ofExamples(4, 16, 16));
    NoiseScale second = smoother.value().orElseThrow();
    double older = 0.9 / 1.9;
    assertEquals(12 * older, second.traceSigma(), 1e-12);
    double signal = 16 - 18 * older;
    assertEquals(signal, second.squaredGradient(), 1e-12);
    assertEquals(12 * older / signal, second.simple().orElseThrow(), 1e-12);
    assertTrue(second.simpleError().isPresent());
  }

  /** Weighted moments by their definition, and no error at all from equal steps. */
  @Test
  void smootherErrorsAreThoseOfAWeightedMean() {
    double decay = 0.8;
    int steps = 30;
    Random random = new Random(5);
    Smoother smoother = new Smoother(decay);
    double[] traces = new double[steps];
    double[] weights = new double[steps];
    for (int i = 0; i < steps; i++) {
      NoiseScale step = ofExamples(gradients(random, 8, 1));
      smoother.add(step);
      traces[i] = step.traceSigma();
      weights[i] = Math.pow(decay, steps - 1 - i);
    }
    double sum = Arrays.stream(weights).sum();
    double mean = Numbers.dot(weights, traces) / sum;
    double variance = 0;
    double share = 0;
    for (int i = 0; i < steps; i++) {
      variance += weights[i] / sum * (traces[i] - mean) * (traces[i] - mean);
      share += weights[i] / sum * weights[i] / sum;
    }
    NoiseScale value = smoother.value().orElseThrow();
    assertEquals(mean, value.traceSigma(), 1e-12);
    double error = Math.sqrt(variance / (1 - share) * share);
    assertEquals(error, value.traceSigmaError().orElseThrow(), 1e-12);
    Smoother still = new Smoother(decay);
    for (int i = 0; i < 5; i++) {
      still.add(NoiseScale.ofExamples(4, 16, 12));
    }
    NoiseScale constant = still.value().orElseThrow();
    assertEquals(0, constant.traceSigmaError().orElseThrow(), 1e-9);
    assertEquals(0, constant.simpleError().orElseThrow(), 1e-9);
  }

  /** The ratio of smoothed estimates finds the truth where single ratios are useless. */
  @Test
  void smootherFindsTheTruth() {
    Random random = new Random(6);
    Smoother smoother = new Smoother(0.999);
    for (int i = 0; i < 4000; i++) {
      smoother.add(withoutErrors(gradients(random, 3, 0.5)));
    }
    NoiseScale value = smoother.value().orElseThrow();
    double truth = TRACE / (0.25 * SIGNAL);
    double error = value.simpleError().orElseThrow();
    assertTrue(error < 0.2 * truth, "error " + error);
    assertEquals(truth, value.simple().orElseThrow(), 4 * error);
    assertEquals(TRACE, value.traceSigma(), 4 * value.traceSigmaError().orElseThrow());
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertMessage(
        "examples: found 1, expected at least 2 (one gives no variance)",
        () -> NoiseScale.ofExamples(1, 1, 1));
    assertMessage(
        "meanSquaredNorm: found -1.0, expected at least 0", () -> NoiseScale.ofExamples(3, -1, 1));
    assertMessage(
        "alongMean: found 1 values, expected 2 as in squaredNorms",
        () -> NoiseScale.ofExamples(new double[2], new double[1]));
    assertMessage(
        "batch sizes: found 8 and 8, expected 1 <= small < large",
        () -> NoiseScale.ofBatchSizes(8, 1, 8, 1));
    assertMessage("decay: found 1.0, expected from 0 to below 1", () -> new Smoother(1));
    assertThrows(NonFiniteException.class, () -> NoiseScale.ofExamples(3, Double.NaN, 1));
    assertThrows(
        NonFiniteException.class,
        () -> NoiseScale.ofExamples(new double[] {1, Double.POSITIVE_INFINITY}, new double[2]));
    Smoother smoother = new Smoother(0.5);
    NoiseScale broken =
        new NoiseScale(
            1, OptionalDouble.empty(), Double.NaN, OptionalDouble.empty(), OptionalDouble.empty());
    assertThrows(NonFiniteException.class, () -> smoother.add(broken));
    assertTrue(smoother.value().isEmpty());
  }

  private static void assertMessage(String expected, Runnable call) {
    assertEquals(expected, assertThrows(IllegalArgumentException.class, call::run).getMessage());
  }

  /** Steps needed at B examples are 1 + critical / B times the fewest. */
  @Test
  void adviceIsWhatTheCriticalBatchSizeMeans() {
    NoiseScale known =
        new NoiseScale(
            2100, OptionalDouble.of(100), 10, OptionalDouble.of(1), OptionalDouble.of(23));
    assertEquals(
        "critical batch size 210 (160 to 260): at 1,000 examples and more, larger batches buy"
            + " little",
        known.batchAdvice());
    double at = 1 + 210.0 / (4 * 210);
    double twice = 1 + 210.0 / (8 * 210);
    assertTrue(1 - twice / at <= 0.1 + 1e-12, "a doubling saves a tenth");
    OptionalDouble none = OptionalDouble.empty();
    assertEquals(
        "critical batch size about 1, error undetermined: at 2 examples and more, larger batches"
            + " would buy little",
        new NoiseScale(1, none, 2, none, none).batchAdvice());
    assertTrue(
        new NoiseScale(1, none, -2, none, none).batchAdvice().contains("undetermined: noise"));
  }
}
