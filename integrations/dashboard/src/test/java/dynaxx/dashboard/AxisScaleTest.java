package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.dashboard.AxisScale.Kind;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Ticks of axes, up to the ends of the range of numbers. */
class AxisScaleTest {

  @Test
  void ticksAreRound() {
    assertEquals(List.of(0.0, 200.0, 400.0, 600.0, 800.0, 1000.0), AxisScale.linear(0, 1000, 6));
    assertEquals(
        List.of(100.0, 10.0, 1.0),
        new AxisScale(Kind.LOGARITHMIC, 1).ticks(Math.log10(0.9), Math.log10(110)));
  }

  /** Two ticks never have the same label. */
  @Test
  void labelsSayWhatTheTickIs() {
    for (var each :
        Map.of(
                0.0, "0", 1.5e9, "1.5e9", 150_000.0, "1.5e5", -2.5e-7, "-2.5e-7", 1e300, "1e300",
                99_999.0, "100000", 0.25, "0.25", 1e-3, "0.001", 120.0, "120", 3e-9, "3e-9")
            .entrySet()) {
      assertEquals(each.getValue(), AxisScale.label(each.getKey()));
    }
    assertEquals("1234567", AxisScale.step(1_234_567));
    assertEquals("1.5e9", AxisScale.step(1.5e9));
    assertEquals("3.000000002e9", AxisScale.step(3_000_000_002.0));
    for (double to : new double[] {7, 1e3, 3e5, 3e9, 1L << 53}) {
      List<String> labels = AxisScale.linear(0, to, 7).stream().map(AxisScale::step).toList();
      assertEquals(labels.size(), Set.copyOf(labels).size(), labels.toString());
    }
  }

  @Test
  void ticksEndForAnyValues() {
    double[] values = {
      -Double.MAX_VALUE,
      -1e308,
      -1,
      -1e-320,
      0,
      Double.MIN_VALUE,
      1e-320,
      1e-300,
      0.5,
      0.5000000000000001,
      1,
      1.0000000000000002,
      1e300,
      1e308,
      Double.MAX_VALUE
    };
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          for (AxisScale scale :
              List.of(
                  AxisScale.LINEAR,
                  new AxisScale(Kind.LOGARITHMIC, 1),
                  new AxisScale(Kind.SIGNED, 1e-3),
                  new AxisScale(Kind.SIGNED, 1e305),
                  new AxisScale(Kind.SIGNED, 1e-320))) {
            for (double low : values) {
              for (double high : values) {
                if (low <= high && scale.fits(low) && scale.fits(high)) {
                  double margin = 0.05 * Math.abs(scale.to(high) - scale.to(low));
                  List<Double> ticks = scale.ticks(scale.to(low) - margin, scale.to(high) + margin);
                  assertTrue(ticks.size() <= 40, () -> scale + ": " + ticks);
                  assertTrue(ticks.stream().allMatch(Double::isFinite), () -> scale + ": " + ticks);
                }
              }
            }
          }
        });
  }
}
