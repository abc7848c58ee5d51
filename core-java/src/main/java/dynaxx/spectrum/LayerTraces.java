package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Scope;
import dynaxx.memory.Strided;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.network.Parameter;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.Restricted.Range;
import dynaxx.operator.SymmetricOperator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

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
 * @param probes number of probes and of full products, at least 2 so that errors can be estimated
 * @param seed fixes the probes, which are those of {@link Hutchinson}
 */
public record LayerTraces(int probes, long seed) {

  /**
   * Checks the settings.
   *
   * @param probes number of probes
   * @param seed fixes the probes
   * @throws IllegalArgumentException if probes is below 2
   */
  public LayerTraces {
    if (probes < 2) {
      throw new IllegalArgumentException(
          "probes: found " + probes + ", expected at least 2 (one probe gives no error estimate)");
    }
  }

  /**
   * A named part of the parameter vector.
   *
   * @param name unique among the layers of a run
   * @param ranges its entries, at least one range, none overlapping another
   */
  public record Layer(String name, List<Range> ranges) {

    /**
     * Checks the ranges.
     *
     * @param name what it is called
     * @param ranges its entries
     * @throws IllegalArgumentException if there is no range or two of them overlap
     */
    public Layer {
      ranges = ranges.stream().sorted(Comparator.comparingLong(Range::offset)).toList();
      if (ranges.isEmpty()) {
        throw new IllegalArgumentException(name + ": found no range, expected at least one");
      }
      for (int i = 1; i < ranges.size(); i++) {
        Range before = ranges.get(i - 1);
        if (before.offset() + before.size() > ranges.get(i).offset()) {
          throw new IllegalArgumentException(
              name
                  + ": found overlapping ranges "
                  + before
                  + " and "
                  + ranges.get(i)
                  + ", expected disjoint ones");
        }
      }
    }
  }

  /**
   * The traces of a run.
   *
   * @param layers one for each layer, in the order they were given
   * @param total of the whole operator, from the same products
   */
  public record Result(SequencedMap<String, Hutchinson.Trace> layers, Hutchinson.Trace total) {}

  /**
   * A layer for each parameter tensor of a network.
   *
   * @param network the network
   * @return layers by the parameters' names, which cover the whole vector
   */
  public static List<Layer> tensors(Network network) {
    return network.parameters().stream()
        .map(p -> new Layer(p.name(), List.of(new Range(p.offset(), p.size()))))
        .toList();
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
  public static List<Layer> grouped(Network network, int parts) {
    if (parts < 1) {
      throw new IllegalArgumentException("parts: found " + parts + ", expected at least 1");
    }
    Map<String, List<Range>> groups = new LinkedHashMap<>();
    for (Parameter parameter : network.parameters()) {
      groups
          .computeIfAbsent(prefix(parameter.name(), parts), name -> new ArrayList<>())
          .add(new Range(parameter.offset(), parameter.size()));
    }
    return groups.entrySet().stream().map(e -> new Layer(e.getKey(), e.getValue())).toList();
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
   * @param layers parts of its vectors; they need not cover everything and may overlap each other
   * @return trace of each layer and of the whole, with errors
   * @throws IllegalArgumentException if there is no layer, a name appears twice or a range ends
   *     beyond the operator's dimension
   * @throws NonFiniteException if a product holds NaN or infinity
   */
  public Result run(SymmetricOperator operator, List<Layer> layers) {
    check(operator, layers);
    double[][] samples = new double[layers.size()][probes];
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
        Dots dots = new Dots(device, from, hz);
        copy(dots.of(0, operator.dimension()), total, from);
        for (int l = 0; l < samples.length; l++) {
          copy(dots.of(layers.get(l)), samples[l], from);
        }
      }
    }
    SequencedMap<String, Hutchinson.Trace> traces = new LinkedHashMap<>();
    for (int l = 0; l < samples.length; l++) {
      traces.put(layers.get(l).name(), Hutchinson.Trace.of(samples[l]));
    }
    return new Result(Collections.unmodifiableSequencedMap(traces), Hutchinson.Trace.of(total));
  }

  private static void copy(double[] part, double[] all, int from) {
    for (int i = 0; i < part.length; i++) {
      all[from + i] = NonFiniteException.check("Hessian-vector product", part[i]);
    }
  }

  /** Dot products of probes with their products. */
  private final class Dots {
    private final Device device;
    private final int first;
    private final Vectors hz;

    Dots(Device device, int first, Vectors hz) {
      this.device = device;
      this.first = first;
      this.hz = hz;
    }

    double[] of(long offset, long size) {
      return device
          .algebra()
          .probeDots(seed, first, offset, size, hz.count(), Strided.of(hz, offset));
    }

    double[] of(Layer layer) {
      double[] sums = new double[hz.count()];
      for (Range range : layer.ranges()) {
        double[] part = of(range.offset(), range.size());
        Arrays.setAll(sums, i -> sums[i] + part[i]);
      }
      return sums;
    }
  }

  private static void check(SymmetricOperator operator, List<Layer> layers) {
    if (layers.isEmpty()) {
      throw new IllegalArgumentException("layers: found none, expected at least one");
    }
    Set<String> names = new HashSet<>();
    for (Layer layer : layers) {
      if (!names.add(layer.name())) {
        throw new IllegalArgumentException(
            "layers: found '" + layer.name() + "' twice, expected unique names");
      }
      Range last = layer.ranges().getLast();
      if (last.offset() + last.size() > operator.dimension()) {
        throw new IllegalArgumentException(
            layer.name()
                + ": found a range that ends at "
                + (last.offset() + last.size())
                + ", expected at most "
                + operator.dimension());
      }
    }
  }
}
