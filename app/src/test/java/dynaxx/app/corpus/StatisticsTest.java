package dynaxx.app.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StatisticsTest {

  @Test
  void aurocCountsPairs() {
    assertEquals(1, Statistics.auroc(new double[] {3, 4}, new double[] {1, 2}));
    assertEquals(0, Statistics.auroc(new double[] {1}, new double[] {2, 3}));
    assertEquals(0.5, Statistics.auroc(new double[] {1, 1}, new double[] {1}));
    // Pairs: 2 > 1, 2 = 2, 2 < 5, 4 > 1, 4 > 2, 4 < 5.
    assertEquals(3.5 / 6, Statistics.auroc(new double[] {2, 4}, new double[] {5, 1, 2}), 1e-15);
    assertTrue(Double.isNaN(Statistics.auroc(new double[0], new double[] {1})));
  }

  @Test
  void aurocOfManyEqualsTheDoubleLoop() {
    SplittableRandom random = new SplittableRandom(1);
    double[] positive = random.ints(300, 0, 40).asDoubleStream().toArray();
    double[] negative = random.ints(200, 0, 30).asDoubleStream().toArray();
    double sum = 0;
    for (double p : positive) {
      for (double n : negative) {
        sum += p > n ? 1 : p == n ? 0.5 : 0;
      }
    }
    assertEquals(sum / 60_000, Statistics.auroc(positive, negative), 1e-12);
  }

  /** 40 of 100: the standard error is 0.049, so the interval is about 0.30 to 0.50. */
  @Test
  void intervalOfAShare() {
    Statistics.Figure figure =
        Statistics.bootstrap(
            100,
            4000,
            1,
            drawn -> Arrays.stream(drawn).map(i -> i < 40 ? 1 : 0).average().orElseThrow());
    assertEquals(0.4, figure.value(), 1e-15);
    assertEquals(0.4 - 1.96 * 0.049, figure.low(), 0.015);
    assertEquals(0.4 + 1.96 * 0.049, figure.high(), 0.015);
  }

  @Test
  void nothingHasNoFigure() {
    assertTrue(Double.isNaN(Statistics.bootstrap(0, 100, 1, drawn -> Double.NaN).value()));
  }
}
