package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import dynaxx.testing.DenseForms;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The eigenvectors of largest magnitude by block subspace iteration, orthonormalised in double
 * precision: slow and sure.
 */
final class SubspaceIteration {

  private SubspaceIteration() {}

  static Vectors dominant(SymmetricOperator operator, Scope scope, int count, int iterations) {
    Device device = operator.device();
    int n = (int) operator.dimension();
    int block = Math.min(n, count + 8);
    double[][] basis = new double[block][];
    Random random = new Random(12);
    Arrays.setAll(basis, i -> random.doubles(n, -1, 1).toArray());
    try (Scope temporary = Scope.open()) {
      Vectors v = temporary.vectors(block, n);
      Vectors hv = device.vectors(temporary, block, n);
      for (int iteration = 0; iteration < iterations; iteration++) {
        DenseForms.orthonormalise(basis);
        for (int i = 0; i < block; i++) {
          store(basis[i], (HostBuffer) v.vector(i));
        }
        operator.apply(v, hv);
        for (int i = 0; i < block; i++) {
          basis[i] = Numbers.doubles(hv.vector(i));
        }
      }
    }
    DenseForms.orthonormalise(basis);
    return ascending(operator, scope, Arrays.copyOf(basis, count));
  }

  private static Vectors ascending(SymmetricOperator operator, Scope scope, double[][] basis) {
    int n = basis[0].length;
    Vectors found = scope.vectors(basis.length, n);
    for (int i = 0; i < basis.length; i++) {
      store(basis[i], (HostBuffer) found.vector(i));
    }
    double[] quotients = operator.quadraticForm(found);
    int[] order =
        IntStream.range(0, basis.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> quotients[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    Vectors ascending = scope.vectors(basis.length, n);
    for (int i = 0; i < order.length; i++) {
      store(basis[order[i]], (HostBuffer) ascending.vector(i));
    }
    return ascending;
  }

  private static void store(double[] values, HostBuffer to) {
    for (int j = 0; j < values.length; j++) {
      to.set(j, (float) values[j]);
    }
  }
}
