package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DecimationTest {

  /** Every stretch keeps its extremes: found with a plain search over all points. */
  @Test
  void keepsTheExtremesOfHalfAMillionPoints() {
    Column column = new Column();
    Random random = new Random(1);
    int size = 500_000;
    double[] values = new double[size];
    for (int i = 0; i < size; i++) {
      values[i] = random.nextGaussian();
      if (i == 123_457) {
        values[i] = 50;
      } else if (i == 400_001) {
        values[i] = -70;
      } else if (i % 1000 == 7) {
        values[i] = Double.NaN;
      }
      column.add(3L * i, values[i], Double.NaN);
    }
    int points = 1600;
    int[] kept = Decimation.indices(column.view(), 0, Long.MAX_VALUE, points);
    assertTrue(kept.length <= points && kept.length > points * 0.9, "found " + kept.length);
    assertTrue(Arrays.stream(kept).anyMatch(i -> i == 123_457));
    assertTrue(Arrays.stream(kept).anyMatch(i -> i == 400_001));
    double width = (3.0 * (size - 1) + 1) / (points / 2);
    int at = 0;
    for (int stretch = 0; stretch < points / 2; stretch++) {
      double least = Double.POSITIVE_INFINITY;
      double most = Double.NEGATIVE_INFINITY;
      while (at < size && 3L * at < (stretch + 1) * width) {
        if (!Double.isNaN(values[at])) {
          least = Math.min(least, values[at]);
          most = Math.max(most, values[at]);
        }
        at++;
      }
      assertEquals(
          least,
          values[kept[2 * stretch]] < values[kept[2 * stretch + 1]]
              ? values[kept[2 * stretch]]
              : values[kept[2 * stretch + 1]]);
      assertEquals(most, Math.max(values[kept[2 * stretch]], values[kept[2 * stretch + 1]]));
    }
    for (int i = 1; i < kept.length; i++) {
      assertTrue(kept[i] > kept[i - 1]);
    }
  }

  @Test
  void aFewPointsAllStay() {
    Column column = new Column();
    for (int i = 0; i < 10; i++) {
      column.add(i, i, i == 4 ? 0.5 : Double.NaN);
    }
    assertArrayEquals(new int[] {3, 4, 5}, Decimation.indices(column.view(), 3, 5, 4));
    assertEquals(0.5, column.view().error(4));
    assertTrue(Double.isNaN(column.view().error(5)));
    assertEquals(4, column.before(4).view().size());
  }
}
