package dynaxx.spectrum;

import dynaxx.device.Algebra;
import dynaxx.device.Device;
import dynaxx.layer.Parameter;
import dynaxx.memory.Range;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Traces of the diagonal blocks H_ll of an operator, one for each layer l, all from the same
 * Rademacher probes: {@code E z_l' (H z)_l = tr H_ll} (Hutchinson, 1989; Bekas, Kokiopoulou and
 * Saad, 2007). Each probe costs one full product; the samples of layers that make up the whole
 * vector add up to the sample z'Hz of the total, probe by probe.
 *
 * <p>The estimate of a single diagonal entry is not offered: one probe gives {@code z_i (H z)_i},
 * whose variance {@code ||row i||^2 - h_ii^2} is usually far larger than h_ii^2, so that thousands
 * of probes would be needed for one digit. Summed over a layer the noise averages out.
 *
 * @param layers one for each layer, in the order they were given
 * @param total of the whole operator, from the same products
 */
public record LayerTraces(SequencedMap<String, Estimate> layers, Estimate total) {

  /**
   * A layer for each parameter tensor of a network.
   *
   * @param network the network
   * @return layers by the parameters' names, which cover the whole vector
   */
  public static SequencedMap<String, List<Range>> tensors(Network network) {
    SequencedMap<String, List<Range>> layers = new LinkedHashMap<>();
    for (Parameter p : network.parameters()) {
      layers.put(p.name(), List.of(new Range(p.offset(), p.size())));
    }
    return layers;
  }

  /**
   * Layers of the parameters whose names begin alike. With two parts, {@code blocks.0.n1.weight}
   * and {@code blocks.0.m.2.bias} belong to {@code blocks.0}; the last of several parts is never
   * used, so {@code patch.weight} belongs to {@code patch}, whatever the number.
   *
   * @param network the network
   * @param parts number of leading parts of a name between dots, at least 1
   * @return layers in the order of the parameter vector, which they cover
   * @throws IllegalArgumentException if parts is below 1
   */
  public static SequencedMap<String, List<Range>> grouped(Network network, int parts) {
    if (parts < 1) {
      throw new IllegalArgumentException("parts: found " + parts + ", expected at least 1");
    }
    SequencedMap<String, List<Range>> groups = new LinkedHashMap<>();
    for (Parameter parameter : network.parameters()) {
      groups
          .computeIfAbsent(prefix(parameter.name(), parts), name -> new ArrayList<>())
          .add(new Range(parameter.offset(), parameter.size()));
    }
    return groups;
  }

  private static String prefix(String name, int parts) {
    String[] split = name.split("\\.");
    if (split.length == 1) {
      return name;
    }
    return String.join(".", List.of(split).subList(0, Math.min(parts, split.length - 1)));
  }

  /**
   * Estimates the traces. Needs memory for at most 16 vectors.
   *
   * @param operator a symmetric operator
   * @param layers parts of its vectors by name, each at least one range, none overlapping another
   *     of its layer; layers need not cover everything and may overlap each other
   * @param probes number of probes and of full products, at least 2 so that errors can be estimated
   * @param seed fixes the probes, which are those of {@link TraceEstimator#hutchinson(int, long)}
   * @return trace of each layer and of the whole, with errors
   * @throws IllegalArgumentException if there is no layer, ranges of a layer overlap, a range ends
   *     beyond the operator's dimension, or probes is below 2
   * @throws NonFiniteException if a product holds NaN or infinity
   */
  public static LayerTraces measure(
      SymmetricOperator operator, SequencedMap<String, List<Range>> layers, int probes, long seed) {
    if (probes < 2) {
      throw new IllegalArgumentException(
          "probes: found " + probes + ", expected at least 2 (one probe gives no error estimate)");
    }
    SequencedMap<String, List<Range>> sorted = checked(operator, layers);
    SequencedMap<String, double[]> samples = new LinkedHashMap<>();
    sorted.sequencedKeySet().forEach(name -> samples.put(name, new double[probes]));
    double[] total = new double[probes];
    Device device = operator.device();
    try (Scope scope = Scope.open()) {
      int atOnce = Math.min(probes, ProbeForms.AT_ONCE);
      Vectors block = device.vectors(scope, atOnce, operator.dimension());
      Vectors products = device.vectors(scope, atOnce, operator.dimension());
      for (int from = 0; from < probes; from += atOnce) {
        Vectors z = block.subset(0, Math.min(atOnce, probes - from));
        Vectors hz = products.subset(0, z.count());
        device.algebra().rademacher(seed, from, z);
        operator.apply(z, hz);
        int first = from;
        copy(
            dots(device.algebra(), seed, first, hz, List.of(new Range(0, operator.dimension()))),
            total,
            first);
        samples.forEach(
            (name, all) ->
                copy(dots(device.algebra(), seed, first, hz, sorted.get(name)), all, first));
      }
    }
    SequencedMap<String, Estimate> traces = new LinkedHashMap<>();
    samples.forEach((name, all) -> traces.put(name, Estimate.of(all)));
    return new LayerTraces(Collections.unmodifiableSequencedMap(traces), Estimate.of(total));
  }

  private static void copy(double[] part, double[] all, int from) {
    for (int i = 0; i < part.length; i++) {
      all[from + i] = NonFiniteException.check("Hessian-vector product", part[i]);
    }
  }

  /** Dot products of probes with their products, over some ranges. */
  private static double[] dots(
      Algebra algebra, long seed, int first, Vectors hz, List<Range> ranges) {
    double[] sums = new double[hz.count()];
    for (Range range : ranges) {
      double[] part = algebra.probeDots(seed, first, hz, range.offset(), range.size());
      Arrays.setAll(sums, i -> sums[i] + part[i]);
    }
    return sums;
  }

  /** The ranges of each layer in ascending order. */
  private static SequencedMap<String, List<Range>> checked(
      SymmetricOperator operator, SequencedMap<String, List<Range>> layers) {
    if (layers.isEmpty()) {
      throw new IllegalArgumentException("layers: found none, expected at least one");
    }
    SequencedMap<String, List<Range>> sorted = new LinkedHashMap<>();
    layers.forEach(
        (name, ranges) -> {
          List<Range> ascending =
              ranges.stream().sorted(Comparator.comparingLong(Range::offset)).toList();
          requireDisjoint(name, ascending);
          if (ascending.getLast().end() > operator.dimension()) {
            throw new IllegalArgumentException(
                name
                    + ": found a range that ends at "
                    + ascending.getLast().end()
                    + ", expected at most "
                    + operator.dimension());
          }
          sorted.put(name, ascending);
        });
    return sorted;
  }

  private static void requireDisjoint(String name, List<Range> ascending) {
    if (ascending.isEmpty()) {
      throw new IllegalArgumentException(name + ": found no range, expected at least one");
    }
    for (int i = 1; i < ascending.size(); i++) {
      Range before = ascending.get(i - 1);
      if (before.end() > ascending.get(i).offset()) {
        throw new IllegalArgumentException(
            name
                + ": found overlapping ranges "
                + before
                + " and "
                + ascending.get(i)
                + ", expected disjoint ones");
      }
    }
  }
}
