package dynaxx.monitor;

import java.util.EnumMap;
import java.util.Map;
import java.util.OptionalDouble;

/** Means, between two snapshots, of what the host measures more often. */
final class IntervalMeans {

  private final Map<Signal, double[]> sums = new EnumMap<>(Signal.class);

  void add(Observation observation) {
    observation
        .readings()
        .forEach(
            (signal, reading) -> {
              if (!signal.ofSnapshot() && reading.finite()) {
                double[] sum = sums.computeIfAbsent(signal, s -> new double[2]);
                sum[0] += reading.value();
                sum[1]++;
              }
            });
  }

  OptionalDouble mean(Signal signal) {
    double[] sum = sums.get(signal);
    return sum == null ? OptionalDouble.empty() : OptionalDouble.of(sum[0] / sum[1]);
  }

  void clear() {
    sums.clear();
  }
}
