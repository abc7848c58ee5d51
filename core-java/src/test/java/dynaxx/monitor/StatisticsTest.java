package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The parts of a chart against known answers. */
class StatisticsTest {

  /** Mean number of values until a sum of standard normal values passes a threshold. */
  private static double averageRunLength(double reference, double threshold, int runs) {
    SplittableRandom random = new SplittableRandom(1);
    Cusum sum = new Cusum(reference);
    long values = 0;
    for (int run = 0; run < runs; run++) {
      sum.reset();
      do {
        values++;
      } while (sum.add(random.nextGaussian()) <= threshold);
    }
    return (double) values / runs;
  }

  /** Exact: 167.7 and 465.4 (Siegmund, 1985; Montgomery, Statistical Quality Control). */
  @Test
  void cusumHasItsKnownRunLengths() {
    double four = averageRunLength(0.5, 4, 10_000);
    double five = averageRunLength(0.5, 5, 10_000);
    System.out.printf("CUSUM k=0.5, two-sided: ARL0 %.1f at h=4, %.1f at h=5%n", four, five);
    assertEquals(167.7, four, 4 * 1.7);
    assertEquals(465.4, five, 4 * 4.7);
  }

  private static double[] normals(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return random.doubles(count).map(u -> random.nextGaussian()).toArray();
  }

  @Test
  void bootstrapFindsTheKnownThresholds() {
    double four = threshold(normals(20_000, 3), new Cusum(0.5), 1 / 167.7);
    double five = threshold(normals(20_000, 3), new Cusum(0.5), 1 / 465.4);
    System.out.printf("bootstrap: h %.2f for ARL0 167.7, %.2f for 465.4%n", four, five);
    assertEquals(4, four, 0.3);
    assertEquals(5, five, 0.3);
    assertEquals(five, threshold(normals(20_000, 3), new Cusum(0.5), 1 / 465.4));
  }

  /** Where the bootstrap of these residuals sees this rate. */
  private static double threshold(double[] residuals, ShiftStatistic statistic, double rate) {
    ThresholdBootstrap bootstrap = new ThresholdBootstrap(residuals, statistic, 7);
    double low = 0;
    double high = 100;
    while (high - low > 1e-9) {
      double middle = (low + high) / 2;
      if (bootstrap.rate(middle) > rate) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /** Rates that are met among the replays, and rates that only the tail reaches. */
  @Test
  void stepsHaveTheRateThatTheBootstrapSays() {
    for (double carried : new double[] {1, 0.45}) {
      for (boolean heavy : new boolean[] {false, true}) {
        double[] residuals = normals(20_000, 3);
        for (int i = 0; heavy && i < residuals.length; i += 20) {
          residuals[i] = Math.clamp(3 * residuals[i], -3.5, 3.5);
        }
        for (double rate : new double[] {1e-2, 1e-3, 1e-4}) {
          StepStatistic statistic = new StepStatistic(carried);
          double threshold = threshold(residuals, statistic, rate);
          double runLength = runLength(statistic, residuals, threshold, (int) (2_000_000 * rate));
          System.out.printf(
              "steps, carried %.2f, heavy %b: h %.2f for 1 in %.0f, measured 1 in %.0f%n",
              carried, heavy, threshold, 1 / rate, runLength);
          assertTrue(runLength > 0.5 / rate && runLength < 4 / rate);
        }
      }
    }
  }

  /** Two chances are multiplied, and their product's logarithm is taken. */
  @Test
  void chancesOfOverwhelmingEvidenceStayAboveZero() {
    double[] calm = {0.1, -0.1, 0.2, -0.2};
    double rate = new ThresholdBootstrap(calm, new Cusum(0.5), 1).rate(1e4);
    assertTrue(rate > 0 && rate * rate > 0, "rate " + rate);
  }

  private static double runLength(
      ShiftStatistic statistic, double[] residuals, double threshold, int runs) {
    SplittableRandom random = new SplittableRandom(5);
    long values = 0;
    for (int run = 0; run < runs; run++) {
      statistic.reset();
      do {
        values++;
      } while (statistic.add(residuals[random.nextInt(residuals.length)]) <= threshold);
    }
    return (double) values / runs;
  }

  @Test
  void heavyTailsNeedHigherThresholds() {
    double[] normal = normals(500, 1);
    double[] heavy = normals(500, 1);
    for (int i = 0; i < heavy.length; i += 20) {
      heavy[i] *= 4;
    }
    double rate = 1e-3;
    assertTrue(
        threshold(heavy, new Cusum(0.5), rate) > threshold(normal, new Cusum(0.5), rate) + 0.5);
  }

  /** Against the straight line fitted in one go, and its textbook variance. */
  @Test
  void forecastWithoutForgettingIsLeastSquares() {
    double[] y = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
    int n = y.length - 1;
    TrendForecast forecast = new TrendForecast(1e15);
    IntStream.range(0, n).forEach(i -> forecast.add(y[i]));
    double middle = (n - 1) / 2.0;
    double mean = IntStream.range(0, n).mapToDouble(i -> y[i]).average().orElseThrow();
    double squares = IntStream.range(0, n).mapToDouble(i -> (i - middle) * (i - middle)).sum();
    double slope = IntStream.range(0, n).mapToDouble(i -> (i - middle) * y[i]).sum() / squares;
    assertEquals(mean + slope * (n - middle), forecast.next(), 1e-5);
    double variance = 1 + 1.0 / n + (n - middle) * (n - middle) / squares;
    assertEquals(variance, forecast.variance(), 1e-5);
  }

  @Test
  void deviationIsRobust() {
    double[] values = normals(2000, 5);
    assertEquals(1, Robust.deviation(values), 0.06);
    for (int i = 0; i < 100; i++) {
      values[20 * i] = 1e6;
    }
    assertEquals(1, Robust.deviation(values), 0.35);
    assertEquals(0, Robust.deviation(new double[10]));
    assertEquals(2.5, Robust.median(new double[] {4, 1, 3, 2}));
  }

  private static OptionalInt period(int n, IntToDoubleFunction series) {
    return Periodicity.lag(IntStream.range(0, n).mapToDouble(series).toArray(), 3);
  }

  @Test
  void periodsAreFoundInCyclesOnly() {
    double[] noise = normals(64, 9);
    assertEquals(
        OptionalInt.of(8), period(64, i -> 2 * Math.sin(2 * Math.PI * i / 8) + noise[i] / 2));
    assertEquals(OptionalInt.of(10), period(64, i -> i % 10 + noise[i]));
    assertEquals(OptionalInt.of(2), period(32, i -> i % 2 + 0.1 * noise[i]));
    assertEquals(OptionalInt.empty(), period(64, i -> noise[i]));
    assertEquals(OptionalInt.empty(), period(64, i -> i));
    assertEquals(OptionalInt.empty(), period(64, i -> i < 32 ? 0 : 1));
    assertEquals(OptionalInt.empty(), period(64, i -> 1));
    assertEquals(OptionalInt.empty(), period(8, i -> i % 2));
  }

  @Test
  void scalesAreLogarithmsThatSurviveZeroAndSign() {
    Signal.Scale scale = Signal.TRACE.scale();
    assertEquals(Math.log(2), scale.transform(2) - scale.transform(1), 1e-9);
    assertEquals(-scale.transform(3), scale.transform(-3));
    assertEquals(0, scale.transform(0));
    assertEquals(5, scale.inverse(scale.transform(5)), 1e-9);
    assertTrue(Double.isFinite(scale.transform(Double.MAX_VALUE)));
    assertEquals(0.1, scale.error(10, 1), 1e-9);
  }

  /** A faint period is believed at a length that is known, and not at others. */
  @Test
  void aKnownPeriodIsFoundSooner() {
    int known = 0;
    int searched = 0;
    int wrong = 0;
    for (int run = 0; run < 200; run++) {
      SplittableRandom random = new SplittableRandom(run);
      double[] values = new double[40];
      for (int i = 0; i < values.length; i++) {
        values[i] = 1.3 * Math.sin(2 * Math.PI * i / 8) + random.nextGaussian();
      }
      known += Periodicity.repeats(values, 8) ? 1 : 0;
      searched += Periodicity.lag(values, 3).isPresent() ? 1 : 0;
      wrong += Periodicity.repeats(values, 5) ? 1 : 0;
    }
    assertTrue(known > searched, known + " of 200 known, " + searched + " searched");
    assertTrue(known >= 60, known + " of 200");
    assertTrue(wrong <= 4, wrong + " of 200");
  }
}
