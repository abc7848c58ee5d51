package dynaxx.network.op;

import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.network.op.Op.Statistic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Ops of a network that share one mean of a {@link Statistic}.
 *
 * @param nodes their positions in the network
 * @param values how many means they give
 * @param terms for one example, the number of terms that each value is a mean of
 */
public record StatisticLayer(List<Integer> nodes, int values, long terms) {

  /**
   * Finds them.
   *
   * @param steps of the network, in order
   * @return by name of the statistic, in the order of the ops
   */
  public static Map<String, List<StatisticLayer>> of(List<Step> steps) {
    Map<Object, List<Integer>> nodes = new LinkedHashMap<>();
    Map<Object, Statistic> found = new LinkedHashMap<>();
    List<Set<Parameter>> behind = new ArrayList<>();
    for (int node = 0; node < steps.size(); node++) {
      Step step = steps.get(node);
      Set<Parameter> nearest = new HashSet<>();
      if (step.op() != null) {
        nearest.addAll(step.op().parameters());
      }
      if (nearest.isEmpty()) {
        Arrays.stream(step.inputs()).mapToObj(behind::get).forEach(nearest::addAll);
      }
      behind.add(nearest);
      for (Statistic statistic : statistics(steps, step)) {
        Op before = steps.get(step.inputs()[0]).op();
        List<?> place =
            List.of(
                statistic.name(), statistic.values(), before == null ? "" : before.name(), nearest);
        nodes.computeIfAbsent(place, key -> new ArrayList<>()).add(node);
        found.merge(place, statistic, (all, one) -> all);
      }
    }
    Map<String, List<StatisticLayer>> layers = new LinkedHashMap<>();
    nodes.forEach(
        (place, at) -> {
          Statistic statistic = found.get(place);
          long terms = at.stream().mapToLong(i -> terms(steps, steps.get(i), statistic)).sum();
          layers
              .computeIfAbsent(statistic.name(), key -> new ArrayList<>())
              .add(new StatisticLayer(List.copyOf(at), statistic.values(), terms));
        });
    return layers;
  }

  private static List<Statistic> statistics(List<Step> steps, Step step) {
    return step.op() == null
        ? List.of()
        : step.op().statistics(inputShapes(steps, step)).stream()
            .filter(s -> step.active() || !s.needsAdjoints())
            .toList();
  }

  private static long terms(List<Step> steps, Step step, Statistic like) {
    return statistics(steps, step).stream()
        .filter(s -> s.name().equals(like.name()))
        .mapToLong(Statistic::terms)
        .sum();
  }

  private static List<Shape> inputShapes(List<Step> steps, Step step) {
    return Arrays.stream(step.inputs()).mapToObj(i -> steps.get(i).shape()).toList();
  }
}
