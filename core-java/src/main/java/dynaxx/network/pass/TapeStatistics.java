package dynaxx.network.pass;

import dynaxx.kernel.Scalars;
import dynaxx.memory.Scope;
import dynaxx.network.Network;
import dynaxx.network.op.Op.Statistic;
import dynaxx.network.op.StatisticLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * Statistics of a tape's last forward pass.
 *
 * @param tape holds the pass
 * @param adjointsFree whether no backward pass was made yet
 */
public record TapeStatistics(Tape tape, boolean adjointsFree) {

  /** As {@link Tape#submitStatistic}. */
  Supplier<List<double[]>> sums(String name, Scope owner) {
    List<StatisticLayer> layers = tape.network().layers(name);
    int all = layers.stream().mapToInt(StatisticLayer::values).sum();
    if (all == 0) {
      return List::of;
    }
    Scalars sums = tape.device().scalars(owner, all);
    int from = 0;
    for (StatisticLayer layer : layers) {
      Scalars sum = sums.part(from, layer.values());
      layer.nodes().forEach(node -> add(name, node, sum));
      from += layer.values();
    }
    return () -> split(layers, sums.read());
  }

  private static List<double[]> split(List<StatisticLayer> layers, double[] values) {
    List<double[]> parts = new ArrayList<>();
    int from = 0;
    for (StatisticLayer layer : layers) {
      parts.add(Arrays.copyOfRange(values, from, from + layer.values()));
      from += layer.values();
    }
    return parts;
  }

  private void add(String name, int node, Scalars sum) {
    Network network = tape.network();
    for (Statistic s : network.steps().get(node).op().statistics(network.inputShapes(node))) {
      if (!s.name().equals(name)) {
        continue;
      }
      if (s.needsAdjoints() && !adjointsFree) {
        throw new IllegalStateException(
            "tape: expected a forward pass first, and no backward pass after it");
      }
      s.sums().addTo(new TapeFrame(tape, null, node), sum);
    }
  }

  /**
   * Means of a statistic.
   *
   * @param network has the ops
   * @param name of a {@link Statistic}
   * @param sums over all examples, as {@link Tape#statistic} gives them
   * @param examples how many
   * @return for each layer, the mean over examples and positions of each value
   */
  public static List<double[]> means(
      Network network, String name, List<double[]> sums, int examples) {
    List<StatisticLayer> layers = network.layers(name);
    List<double[]> means = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      double terms = (double) examples * layers.get(i).terms();
      means.add(Arrays.stream(sums.get(i)).map(sum -> sum / terms).toArray());
    }
    return means;
  }
}
