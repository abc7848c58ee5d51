package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Range;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.testing.Dense;
import dynaxx.testing.KnownCase;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongFunction;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Trace estimators on the Hessian of a small trained vision transformer. */
class TraceOfNetworksTest {

  private static final KnownCase CASE = KnownCase.vitSmall();
  private static final double TRACE = CASE.expected().get("trace").asDouble();

  private static Scope scope;
  private static Device device;
  private static Hessian hessian;
  private static double[] plainSamples;

  @BeforeAll
  static void open() {
    scope = Scope.open();
    device = Devices.cpu(2);
    hessian = new Hessian(CASE.network(), CASE.loss(), CASE.batch(scope), device);
    hessian.linearize(CASE.host(scope, "parameters"));
    plainSamples = new Hutchinson(1200, 1).run(hessian).samples();
  }

  @AfterAll
  static void close() {
    hessian.close();
    device.close();
    scope.close();
  }

  /** Root mean square error of the means of consecutive samples, each group a run of its own. */
  private static double rms(double[] samples, int group) {
    double squares = 0;
    int groups = samples.length / group;
    for (int i = 0; i < groups; i++) {
      double mean = Arrays.stream(samples, i * group, (i + 1) * group).average().orElseThrow();
      squares += (mean - TRACE) * (mean - TRACE);
    }
    return Math.sqrt(squares / groups);
  }

  private static double rms(int runs, LongFunction<Estimate> estimator) {
    double[] values = new double[runs];
    Arrays.setAll(values, seed -> estimator.apply(seed).value());
    return rms(values, 1);
  }

  /**
   * Two ways to count. With the same number of probes, which is what is asserted, the vectors are
   * taken as given: a Lanczos run for the extreme eigenvalues has already made them. The other
   * gives plain Hutchinson the forms of the Rayleigh quotients as well, one for each vector.
   */
  @Test
  void deflationSharpensAtEqualForms() {
    int probes = 8;
    int runs = 120;
    for (int vectors : new int[] {2, 8}) {
      Vectors top = SubspaceIteration.dominant(hessian, scope, vectors, 15);
      double[] samples = new Hutchinson(runs * probes, 1).run(hessian, top).samples();
      double deflated = rms(samples, probes);
      double plain = rms(plainSamples, probes);
      double more = rms(plainSamples, probes + vectors);
      System.out.printf(
          "vit-small, %d vectors deflated, rms error of %d probes: %.1f, plain %.1f (gain %.2f);"
              + " plain with the Rayleigh quotients' forms too %.1f (gain %.2f)%n",
          vectors, probes, deflated, plain, plain / deflated, more, more / deflated);
      assertTrue(plain >= 1.5 * deflated, "at equal probes, " + vectors + " vectors");
    }
  }

  @Test
  void rangeFindersOnTheSpectrumOfANetwork() {
    double plain = rms(plainSamples, 24);
    double doubled = rms(plainSamples, 48);
    double sketch = rms(24, seed -> new HutchPlusPlus(24, seed).run(hessian));
    double xtrace = rms(24, seed -> new XTrace(24, seed).run(hessian));
    System.out.printf(
        "vit-small, rms error at 24 products: Hutchinson %.1f (%.1f with 48 forms), Hutch++ %.1f,"
            + " XTrace %.1f%n",
        plain, doubled, sketch, xtrace);
    assertTrue(xtrace < plain / 2 && sketch < plain / 1.5);
  }

  @Test
  void layerTracesAgreeWithUnitVectors() {
    double[] diagonal = diagonal(hessian);
    SequencedMap<String, List<Range>> tensors = LayerTraces.tensors(CASE.network());
    LayerTraces result = LayerTraces.measure(hessian, tensors, 40, 1);
    double blocks = 0;
    for (Map.Entry<String, List<Range>> layer : tensors.entrySet()) {
      double block = sum(diagonal, layer.getValue());
      blocks += block;
      Estimate trace = result.layers().get(layer.getKey());
      assertEquals(block, trace.value(), 4 * trace.standardError() + 1e-6, layer.getKey());
    }
    assertEquals(TRACE, blocks, 1e-4 * TRACE, "the blocks make up the whole");
    assertSumsToTotal(result);
    for (int i = 0; i < 40; i++) {
      // Largest eigenvalue times n, times the rounding of a product.
      assertEquals(plainSamples[i], result.total().samples()[i], 281 * 5546 * 1e-6);
    }
    SequencedMap<String, List<Range>> groups = LayerTraces.grouped(CASE.network(), 2);
    LayerTraces grouped = LayerTraces.measure(hessian, groups, 9, 1);
    assertSumsToTotal(grouped);
    for (int i = 0; i < 9; i++) {
      double block = 0;
      for (Map.Entry<String, Estimate> tensor : result.layers().entrySet()) {
        block += tensor.getKey().startsWith("blocks.1.") ? tensor.getValue().samples()[i] : 0;
      }
      double found = grouped.layers().get("blocks.1").samples()[i];
      assertEquals(block, found, 1e-9 * Math.abs(block));
    }
  }

  private static void assertSumsToTotal(LayerTraces result) {
    double[] total = result.total().samples();
    for (int i = 0; i < total.length; i++) {
      double sum = 0;
      for (Estimate trace : result.layers().values()) {
        sum += trace.samples()[i];
      }
      assertEquals(total[i], sum, 1e-9 * Math.abs(total[i]), "sample of the total");
    }
  }

  private static double sum(double[] diagonal, List<Range> ranges) {
    double sum = 0;
    for (Range range : ranges) {
      for (long i = range.offset(); i < range.offset() + range.size(); i++) {
        sum += diagonal[(int) i];
      }
    }
    return sum;
  }

  private static double[] diagonal(SymmetricOperator operator) {
    int n = (int) operator.dimension();
    int block = 64;
    double[] diagonal = new double[n];
    try (Scope temporary = Scope.open()) {
      Vectors units = temporary.vectors(block, n);
      HostBuffer values = (HostBuffer) units.buffer();
      for (int from = 0; from < n; from += block) {
        int k = Math.min(block, n - from);
        for (int i = 0; i < k; i++) {
          values.set((long) i * n + from + i, 1);
        }
        double[] forms = operator.quadraticForm(units.subset(0, k));
        System.arraycopy(forms, 0, diagonal, from, k);
        for (int i = 0; i < k; i++) {
          values.set((long) i * n + from + i, 0);
        }
      }
    }
    return diagonal;
  }

  @Test
  void layersAreNamedAfterTheirParameters() {
    Network network = CASE.network();
    assertEquals(network.parameters().size(), LayerTraces.tensors(network).size());
    Set<String> groups = LayerTraces.grouped(network, 2).keySet();
    assertTrue(groups.containsAll(List.of("cls", "pos", "patch", "blocks.0", "blocks.1")));
    Set<String> coarse = LayerTraces.grouped(network, 1).keySet();
    assertTrue(coarse.contains("blocks") && !coarse.contains("blocks.0"));
    for (int parts = 1; parts < 5; parts++) {
      long covered =
          LayerTraces.grouped(network, parts).values().stream()
              .flatMap(List::stream)
              .mapToLong(Range::size)
              .sum();
      assertEquals(network.parameterCount(), covered);
    }
  }

  @Test
  void layerTracesRefuseWhatDoesNotFit() {
    SymmetricOperator four = Dense.diagonal(1, 2, 3, 4).on(device);
    List<Range> tail = List.of(new Range(3, 1), new Range(1, 2));
    assertEquals(9, measure(four, tail, 3).layers().get("x").value(), 1e-6);
    refused("probes: found 1", () -> measure(four, tail, 1));
    refused(
        "layers: found none", () -> LayerTraces.measure(four, Collections.emptySortedMap(), 3, 1));
    refused("ends at 5, expected at most 4", () -> measure(four, List.of(new Range(2, 3)), 3));
    refused("overlapping", () -> measure(four, List.of(new Range(0, 2), new Range(1, 1)), 3));
    refused("no range", () -> measure(four, List.of(), 3));
    refused("offset -1", () -> new Range(-1, 2));
    refused("size 0", () -> new Range(1, 0));
    refused("parts: found 0", () -> LayerTraces.grouped(CASE.network(), 0));
    SymmetricOperator broken =
        SymmetricOperator.of(4, device, (v, hv) -> device.algebra().fill(hv.buffer(), Float.NaN));
    assertThrows(NonFiniteException.class, () -> measure(broken, tail, 3));
  }

  private static LayerTraces measure(SymmetricOperator operator, List<Range> ranges, int probes) {
    return LayerTraces.measure(operator, new TreeMap<>(Map.of("x", ranges)), probes, 1);
  }

  private static void refused(String message, Executable action) {
    String found = assertThrows(IllegalArgumentException.class, action).getMessage();
    assertTrue(found.contains(message), found);
  }
}
