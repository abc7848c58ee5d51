package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dynaxx.kernel.Configurations.Configuration;
import java.util.Map;
import java.util.TreeMap;

/**
 * Compares with a tolerance for each element and remembers the worst ratio of error to tolerance
 * for each kernel.
 */
final class WorstRatios {

  private record Worst(double ratio, String where) {}

  private final Map<String, Worst> worst = new TreeMap<>();

  void check(KernelCase c, Configuration configuration, double[] expected, double[] actual) {
    assertEquals(expected.length, actual.length, () -> c + ": number of values");
    double ratio = 0;
    int at = -1;
    for (int i = 0; i < expected.length; i++) {
      double tolerance = c.tolerance(expected[i], configuration.wide());
      double now = Math.abs(actual[i] - expected[i]) / tolerance;
      if (!(now <= ratio) && Double.compare(expected[i], actual[i]) != 0) {
        ratio = now;
        at = i;
        if (Double.isNaN(now)) {
          break;
        }
      }
    }
    Worst found = new Worst(ratio, c.label() + " on " + configuration);
    worst.merge(
        c.kernel() + (configuration.wide() ? ", float64" : ""),
        found,
        (a, b) -> b.ratio > a.ratio ? b : a);
    if (!(ratio <= 1)) {
      fail(
          "%s on %s: element %d: found %s, expected %s, error %.2f times the tolerance"
              .formatted(c, configuration, at, actual[at], expected[at], ratio));
    }
  }

  String summary() {
    StringBuilder text = new StringBuilder("worst error in units of the tolerance\n");
    worst.forEach(
        (kernel, w) -> text.append("  %-37s %.3f  %s%n".formatted(kernel, w.ratio, w.where)));
    return text.toString();
  }
}
