package dynaxx.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Variables drawn, against their distributions. */
class ScoresTest {

  private static final int DRAWS = 200_000;

  /** Mean and variance are the rate; the variance of a squared deviation is r + 2 r^2. */
  @ParameterizedTest
  @ValueSource(doubles = {0.02, 0.7, 9.9, 10, 33, 1e3, 1e7, 3e12})
  void poissonHasItsMeanAndVariance(double rate) {
    SplittableRandom random = new SplittableRandom(8);
    double mean = 0;
    double squares = 0;
    for (int i = 0; i < DRAWS; i++) {
      double d = Scores.poisson(rate, random) - rate;
      mean += d / DRAWS;
      squares += d * d / DRAWS;
    }
    assertEquals(0, mean, 4.5 * Math.sqrt(rate / DRAWS));
    assertEquals(rate, squares, 4.5 * Math.sqrt((rate + 2 * rate * rate) / DRAWS));
  }

  /** Chi-square over the counts that are expected at least ten times; 99.99 % of about 40 cells. */
  @ParameterizedTest
  @ValueSource(doubles = {3, 12.5, 60})
  void poissonHasItsDistribution(double rate) {
    SplittableRandom random = new SplittableRandom(9);
    int[] counts = new int[200];
    for (int i = 0; i < DRAWS; i++) {
      counts[(int) Scores.poisson(rate, random)]++;
    }
    double chi = 0;
    int cells = 0;
    double logarithm = -rate;
    for (int k = 0; k < counts.length; k++) {
      double expected = DRAWS * Math.exp(logarithm);
      if (expected >= 10) {
        chi += Math.pow(counts[k] - expected, 2) / expected;
        cells++;
      }
      logarithm += Math.log(rate / (k + 1));
    }
    double most = cells + 3.72 * Math.sqrt(2 * cells) + 10;
    assertTrue(cells > 8 && chi < most, chi + " over " + cells + " cells");
  }

  /** Saturated: the class is known, and what is left of the others has all its digits. */
  @Test
  void softmaxOfConfidentLogitsKeepsItsDigits() {
    double[] score = new double[3];
    Scores.softmax(new double[] {50, 0, 50 - 80}, 0, 3, 1, new SplittableRandom(1), score);
    assertEquals(Math.exp(-50), score[1], 1e-30);
    assertEquals(-Math.exp(-50), score[0], 1e-30);
    assertEquals(Math.exp(-80), score[2], 1e-44);
  }
}
