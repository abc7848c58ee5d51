package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Parameter;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Range;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.testing.Dense;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import dynaxx.testing.OperatorContract;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class RestrictedTest {

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static double[][] submatrix(double[][] a, int... indices) {
    double[][] part = new double[indices.length][indices.length];
    for (int i = 0; i < indices.length; i++) {
      for (int j = 0; j < indices.length; j++) {
        part[i][j] = a[indices[i]][indices[j]];
      }
    }
    return part;
  }

  @Test
  void isTheSubmatrixInTheOrderOfTheRanges() {
    Dense dense = OperatorContract.randomDense(5, 23);
    SymmetricOperator inner = dense.on(device);
    List<Range> ranges = List.of(new Range(20, 2), new Range(3, 4), new Range(7, 1));
    double[][] expected = submatrix(dense.matrix(), 20, 21, 3, 4, 5, 6, 7);
    try (SymmetricOperator part = inner.restricted(ranges);
        SymmetricOperator all = inner.restricted(List.of(new Range(0, 23)));
        SymmetricOperator one = inner.restricted(List.of(new Range(22, 1)))) {
      assertEquals(List.of(new Range(20, 2), new Range(3, 5)), ranges(part));
      OperatorContract.verify(part, expected, 1e-6);
      OperatorContract.verify(all, dense.matrix(), 1e-6);
      OperatorContract.verify(one, submatrix(dense.matrix(), 22), 1e-6);
      Consistency.measure(part, 1).require();
    }
  }

  @Test
  void forgetsEarlierVectors() {
    Dense dense = OperatorContract.randomDense(6, 9);
    try (Scope scope = Scope.open();
        SymmetricOperator part = dense.on(device).restricted(List.of(new Range(4, 3)))) {
      Vectors many = Numbers.vectors(scope, 10, Numbers.uniform(30, 2));
      part.apply(many, scope.vectors(10, 3));
      OperatorContract.verify(part, submatrix(dense.matrix(), 4, 5, 6), 1e-6);
    }
  }

  @Test
  void passesErrorAndFloat64FormOn() {
    SymmetricOperator plain = OperatorContract.randomDense(7, 6).on(device);
    SymmetricOperator precise = new ShiftedTest.Float64(plain, 3e-6);
    List<Range> ranges = List.of(new Range(4, 2), new Range(0, 1));
    try (Scope scope = Scope.open();
        SymmetricOperator with = precise.restricted(ranges);
        SymmetricOperator without = plain.restricted(ranges)) {
      assertEquals(3e-6, with.productError());
      Vectors v = Numbers.vectors(scope, 1, new double[] {0.1, 0.2, 0.3});
      double[] x = Numbers.doubles(v.buffer());
      double[][] part = submatrix(OperatorContract.columns(plain), 4, 5, 0);
      assertEquals(
          Numbers.dot(x, OperatorContract.product(part, x)),
          with.quadraticForm64(v.buffer()).orElseThrow(),
          1e-15);
      assertTrue(without.quadraticForm64(v.buffer()).isEmpty());
      OperatorContract.assertRefuses(
          "v: found vectors of length 4, expected 3",
          () -> with.quadraticForm64(scope.allocate(4)));
    }
  }

  /** Blocks by name against the same part of full products, and their traces against PyTorch's. */
  @Test
  void blocksOfATransformer() {
    KnownCase c = KnownCase.vitSmall();
    Network network = c.network();
    String[][] blocks = {
      {"cls", "pos"}, {"patch."}, {"blocks.0."}, {"blocks.1."}, {"norm.", "head."}
    };
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(network, c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      double trace = 0;
      long covered = 0;
      for (String[] names : blocks) {
        try (SymmetricOperator block = hessian.restricted(network, names)) {
          assertEquals(1, ranges(block).size(), "neighbours are joined");
          assertEquals(covered, ranges(block).getFirst().offset());
          sameAsPartOfFullProducts(hessian, block);
          trace += trace(block);
          covered += block.dimension();
        }
      }
      assertEquals(hessian.dimension(), covered);
      double exact = c.expected().get("trace").asDouble();
      assertEquals(exact, trace, 1e-4 * Math.abs(exact), "trace of the blocks");
    }
  }

  private static List<Range> ranges(SymmetricOperator restricted) {
    return ((Restricted) restricted).ranges();
  }

  private static void sameAsPartOfFullProducts(Hessian hessian, SymmetricOperator block) {
    try (Scope scope = Scope.open()) {
      int m = (int) block.dimension();
      Vectors v = Numbers.vectors(scope, 3, Numbers.uniform(3 * m, 5));
      Vectors hv = scope.vectors(3, m);
      Vectors full = scope.vectors(3, hessian.dimension());
      Vectors product = scope.vectors(3, hessian.dimension());
      Range range = ranges(block).getFirst();
      for (int i = 0; i < 3; i++) {
        device.algebra().copy(v.vector(i), full.vector(i).slice(range.offset(), m));
      }
      block.apply(v, hv);
      hessian.apply(full, product);
      assertArrayEquals(hessian.quadraticForm(full), block.quadraticForm(v));
      for (int i = 0; i < 3; i++) {
        HostBuffer part = (HostBuffer) product.vector(i).slice(range.offset(), m);
        assertArrayEquals(part.toArray(), ((HostBuffer) hv.vector(i)).toArray());
      }
    }
  }

  private static double trace(SymmetricOperator block) {
    double trace = 0;
    int n = (int) block.dimension();
    try (Scope scope = Scope.open()) {
      Vectors units = scope.vectors(16, n);
      for (int from = 0; from < n; from += 16) {
        int k = Math.min(16, n - from);
        device.algebra().fill(units.buffer(), 0);
        for (int i = 0; i < k; i++) {
          ((HostBuffer) units.vector(i)).set(from + i, 1);
        }
        trace += Arrays.stream(block.quadraticForm(units.subset(0, k))).sum();
      }
    }
    return trace;
  }

  @Test
  void scatteredParameters() {
    KnownCase c = KnownCase.lmCausal();
    String[] names = {"head.bias", "blocks.0.norm1.weight", "pos"};
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      int[] indices =
          Arrays.stream(names)
              .map(c.network()::parameter)
              .flatMapToInt(RestrictedTest::indices)
              .toArray();
      double[][] expected = new double[indices.length][];
      Vectors unit = scope.vectors(1, hessian.dimension());
      Vectors column = scope.vectors(1, hessian.dimension());
      for (int i = 0; i < indices.length; i++) {
        device.algebra().fill(unit.buffer(), 0);
        ((HostBuffer) unit.buffer()).set(indices[i], 1);
        hessian.apply(unit, column);
        double[] values = Numbers.doubles(column.buffer());
        expected[i] = Arrays.stream(indices).mapToDouble(j -> values[j]).toArray();
      }
      try (SymmetricOperator block = hessian.restricted(c.network(), names)) {
        assertEquals(3, ranges(block).size());
        OperatorContract.verify(block, expected, 1e-5);
        Consistency.measure(block, 3).require();
      }
    }
  }

  private static IntStream indices(Parameter p) {
    return IntStream.range((int) p.offset(), (int) (p.offset() + p.size()));
  }

  @Test
  void refusesRangesThatDoNotFit() {
    SymmetricOperator inner = Dense.diagonal(1, 2, 3, 4, 5).on(device);
    OperatorContract.assertRefuses(
        "ranges: found none, expected at least one", () -> inner.restricted(List.of()));
    OperatorContract.assertRefuses(
        "ranges: found [3, 6), expected within [0, 5)",
        () -> inner.restricted(List.of(new Range(0, 1), new Range(3, 3))));
    OperatorContract.assertRefuses(
        "ranges: found [1, 4) and [3, 5), expected disjoint ranges",
        () -> inner.restricted(List.of(new Range(3, 2), new Range(1, 3))));
    OperatorContract.assertRefuses(
        "range: found offset -1 and size 2, expected at least 0 and at least 1",
        () -> new Range(-1, 2));
    OperatorContract.assertRefuses(
        "range: found offset 0 and size 0, expected at least 0 and at least 1",
        () -> new Range(0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Range(2, Long.MAX_VALUE));
  }

  @Test
  void refusesNamesThatDoNotFit() {
    Network network = KnownCase.mlpTanh().network();
    int n = (int) network.parameterCount();
    SymmetricOperator inner = SymmetricOperator.of(n, device, (v, hv) -> {});
    String all = "[0.weight, 0.bias, 1.weight, 1.bias]";
    for (String unknown : new String[] {"2.", "0", "0.weights", "."}) {
      OperatorContract.assertRefuses(
          "names: found '"
              + unknown
              + "', expected one of, or a prefix that ends in a dot of one of, "
              + all,
          () -> inner.restricted(network, unknown));
    }
    OperatorContract.assertRefuses(
        "names: found '0.bias' selected twice, expected once",
        () -> inner.restricted(network, "0.", "0.bias"));
    OperatorContract.assertRefuses(
        "names: found none, expected at least one", () -> inner.restricted(network));
    OperatorContract.assertRefuses(
        "network: found " + n + " parameters, expected 2 as in the operator",
        () -> Dense.diagonal(1, 2).on(device).restricted(network, "0."));
  }

  @Test
  void useAfterCloseThrows() {
    SymmetricOperator part = Dense.diagonal(1, 2).on(device).restricted(List.of(new Range(1, 1)));
    try (Scope scope = Scope.open()) {
      Vectors v = scope.vectors(1, 1);
      ((HostBuffer) v.buffer()).set(0, 3);
      assertEquals(18, part.quadraticForm(v)[0], 1e-6);
      part.close();
      part.close();
      assertThrows(IllegalStateException.class, () -> part.quadraticForm(v));
    }
  }
}
