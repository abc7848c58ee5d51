package dynaxx.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.cost.CostModel.Basis;
import dynaxx.cost.CostModel.Timing;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CostModelTest {

  /** Times by given coefficients, with a relative error of each. */
  private static List<Timing> timings(double flop, double bytes, double launch, double error) {
    Random random = new Random(3);
    List<Timing> timings = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      Work work =
          new Work(
              Math.exp(18 + 6 * random.nextDouble()),
              Math.exp(14 + 6 * random.nextDouble()),
              50 + random.nextInt(200));
      double seconds = flop * work.flop() + bytes * work.bytes() + launch * work.launches();
      timings.add(
          new Timing("t" + i, 1000 + i, work, seconds * Math.exp(error * random.nextGaussian())));
    }
    return timings;
  }

  @ParameterizedTest
  @CsvSource({"1e-11, 1e-10, 1e-5", "1e-11, 0, 1e-5", "1e-11, 1e-10, 0", "1e-11, 0, 0"})
  void knownCoefficientsAreFound(double flop, double bytes, double launch) {
    CostModel model = CostModel.fit(timings(flop, bytes, launch, 0));
    assertEquals(flop, model.perFlop(), 1e-6 * 1e-11);
    assertEquals(bytes, model.perByte(), 1e-6 * 1e-10);
    assertEquals(launch, model.perLaunch(), 1e-6 * 1e-5);
    assertEquals(0, model.relativeError(), 1e-9);
  }

  @Test
  void theErrorOfTheTimesIsTheErrorOfTheFit() {
    CostModel model = CostModel.fit(timings(1e-11, 1e-10, 1e-5, 0.1));
    assertEquals(1e-11, model.perFlop(), 0.2e-11);
    assertEquals(0.1, model.relativeError(), 0.04);
  }

  /** Larger works that took less than smaller ones: no coefficient becomes negative. */
  @Test
  void noCoefficientIsNegative() {
    CostModel model =
        CostModel.fit(
            List.of(
                new Timing("a", 1, new Work(1e9, 1e6, 100), 1),
                new Timing("b", 1, new Work(1e9, 2e6, 100), 0.9),
                new Timing("c", 1, new Work(2e9, 2e6, 50), 2.1),
                new Timing("d", 1, new Work(2e9, 4e6, 50), 1.9)));
    assertTrue(model.perFlop() > 0 && model.perByte() == 0 && model.perLaunch() >= 0, "" + model);
  }

  /**
   * Times of one network, where launches alone would fit best: a larger work still takes longer.
   */
  @Test
  void timesGrowWithTheWorkHoweverNoisyTheyAre() {
    CostModel model =
        CostModel.fit(
            List.of(
                new Timing("a", 1, new Work(1e9, 1e6, 100), 1),
                new Timing("b", 1, new Work(1.1e9, 1e6, 100), 0.6),
                new Timing("c", 1, new Work(4e9, 4e6, 1000), 10)));
    assertTrue(model.perFlop() > 0, model.toString());
    assertTrue(model.seconds(new Work(1e12, 1e9, 100)) > 100, model.toString());
  }

  @Test
  void aSingleTimingGivesATimeAndNoError() {
    CostModel model = CostModel.fit(List.of(new Timing("a", 1, new Work(1e9, 0, 0), 2)));
    assertEquals(4, model.seconds(new Work(2e9, 0, 0)), 1e-12);
    assertEquals(Double.POSITIVE_INFINITY, model.relativeError());
  }

  @Test
  void saysWhetherItWasMeasured() {
    CostModel model =
        CostModel.fit(
            List.of(
                new Timing("a", 1000, new Work(1e9, 0, 0), 1),
                new Timing("b", 5000, new Work(4e9, 0, 0), 4)));
    assertEquals(Basis.Kind.MEASURED, model.basis(1000, new Work(1e9, 0, 0)).kind());
    assertEquals(Basis.Kind.INTERPOLATED, model.basis(5000, new Work(1e9, 0, 0)).kind());
    assertEquals(Basis.Kind.INTERPOLATED, model.basis(2000, new Work(2e9, 0, 0)).kind());
    Basis larger = model.basis(5000, new Work(12e9, 0, 0));
    assertEquals(new Basis(Basis.Kind.EXTRAPOLATED, 3), larger);
    assertEquals(10, model.basis(50_000, new Work(12e9, 0, 0)).factor(), 1e-12);
    assertEquals(2, model.basis(500, new Work(2e9, 0, 0)).factor(), 1e-12);
    assertEquals(larger, larger.or(new Basis(Basis.Kind.MEASURED, 1)));
    assertEquals(larger, new Basis(Basis.Kind.EXTRAPOLATED, 2).or(larger));
  }

  @Test
  void whatCannotBeFittedIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> CostModel.fit(List.of()));
    assertThrows(
        IllegalArgumentException.class,
        () -> CostModel.fit(List.of(new Timing("a", 1, new Work(1e9, 0, 0), 0))));
  }
}
