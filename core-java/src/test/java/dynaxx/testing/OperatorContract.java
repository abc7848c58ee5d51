package dynaxx.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import java.util.Arrays;
import java.util.Random;

/** What every operator must do, checked against the matrix that it stands for. */
public final class OperatorContract {

  private static final int VECTORS = 11;

  private OperatorContract() {}

  public static Dense randomDense(long seed, int n) {
    Random random = new Random(seed);
    double[][] a = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        a[i][j] = random.nextGaussian();
        a[j][i] = a[i][j];
      }
    }
    return new Dense(a);
  }

  /** Products and forms against a matrix, one vector at a time to the bit, and argument checks. */
  public static void verify(SymmetricOperator operator, double[][] matrix, double tolerance) {
    int n = matrix.length;
    assertEquals(n, operator.dimension());
    try (Scope scope = Scope.open()) {
      Vectors v = Numbers.vectors(scope, VECTORS, Numbers.uniform(VECTORS * n, 17));
      Vectors hv = scope.vectors(VECTORS, n);
      Vectors single = scope.vectors(1, n);
      operator.apply(v, hv);
      double[] forms = operator.quadraticForm(v);
      for (int i = 0; i < VECTORS; i++) {
        double[] x = Numbers.doubles(v.vector(i));
        double[] expected = product(matrix, x);
        float[] found = ((HostBuffer) hv.vector(i)).toArray();
        Numbers.assertClose("H v", expected, found, tolerance);
        double scale = Numbers.norm(x) * Numbers.norm(expected);
        assertEquals(Numbers.dot(x, expected), forms[i], tolerance * scale, "v'Hv");
        operator.apply(v.subset(i, 1), single);
        assertArrayEquals(found, ((HostBuffer) single.buffer()).toArray(), "k = 1");
        assertEquals(forms[i], operator.quadraticForm(v.subset(i, 1))[0], "k = 1");
      }
      refusesWrongVectors(operator, scope);
    }
  }

  private static void refusesWrongVectors(SymmetricOperator operator, Scope scope) {
    int n = (int) operator.dimension();
    Vectors one = scope.vectors(1, n);
    Vectors two = scope.vectors(2, n);
    Vectors longer = scope.vectors(1, n + 1);
    assertRefuses(
        "v: found vectors of length " + (n + 1) + ", expected " + n,
        () -> operator.apply(longer, one));
    assertRefuses(
        "v: found vectors of length " + (n + 1) + ", expected " + n,
        () -> operator.quadraticForm(longer));
    assertRefuses("hv: found 2 vectors, expected 1 as in v", () -> operator.apply(one, two));
    assertRefuses(
        "hv: found memory that v uses too, expected its own", () -> operator.apply(one, one));
  }

  public static void assertRefuses(String message, Runnable action) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, action::run).getMessage());
  }

  public static double[] product(double[][] matrix, double[] x) {
    return Arrays.stream(matrix).mapToDouble(row -> Numbers.dot(row, x)).toArray();
  }

  /** All columns by unit vectors. */
  public static double[][] columns(SymmetricOperator operator) {
    int n = (int) operator.dimension();
    int block = Math.min(n, 64);
    double[][] columns = new double[n][];
    try (Scope scope = Scope.open()) {
      for (int from = 0; from < n; from += block) {
        int k = Math.min(block, n - from);
        Vectors units = scope.vectors(k, n);
        Vectors products = scope.vectors(k, n);
        for (int i = 0; i < k; i++) {
          ((HostBuffer) units.vector(i)).set(from + i, 1);
        }
        operator.apply(units, products);
        for (int i = 0; i < k; i++) {
          columns[from + i] = Numbers.doubles(products.vector(i));
        }
      }
    }
    return columns;
  }
}
