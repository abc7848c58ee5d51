package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalDouble;

/** Means, between two snapshots, of what the host measures more often. */
final class IntervalMeans {

  private final double[] sums = new double[Signal.values().length];
  private final int[] counts = new int[sums.length];

  void add(Observation observation) {
    for (Map.Entry<Signal, Reading> entry : observation.readings().entrySet()) {
      Signal signal = entry.getKey();
      if (!signal.ofSnapshot() && entry.getValue().finite()) {
        sums[signal.ordinal()] += entry.getValue().value();
        counts[signal.ordinal()]++;
      }
    }
  }

  OptionalDouble mean(Signal signal) {
    int i = signal.ordinal();
    return counts[i] == 0 ? OptionalDouble.empty() : OptionalDouble.of(sums[i] / counts[i]);
  }

  void clear() {
    Arrays.fill(sums, 0);
    Arrays.fill(counts, 0);
  }
}
