package dynaxx.testing;

import dynaxx.device.Device;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import java.util.Random;

/** A dense symmetric matrix as an operator, multiplied in double precision and rounded once. */
public record Dense(double[][] matrix) {

  public SymmetricOperator on(Device device) {
    return SymmetricOperator.of(matrix.length, device, this::multiply);
  }

  private void multiply(Vectors v, Vectors hv) {
    for (int k = 0; k < v.count(); k++) {
      HostBuffer x = (HostBuffer) v.vector(k);
      HostBuffer y = (HostBuffer) hv.vector(k);
      for (int i = 0; i < matrix.length; i++) {
        double sum = 0;
        for (int j = 0; j < matrix.length; j++) {
          sum += matrix[i][j] * x.get(j);
        }
        y.set(i, (float) sum);
      }
    }
  }

  public static Dense diagonal(double... values) {
    double[][] matrix = new double[values.length][values.length];
    for (int i = 0; i < values.length; i++) {
      matrix[i][i] = values[i];
    }
    return new Dense(matrix);
  }

  /** Q diag(values) Q' with Q a product of Householder reflections. */
  public static Dense rotated(long seed, double... values) {
    double[][] a = diagonal(values).matrix();
    Random random = new Random(seed);
    int n = values.length;
    for (int reflection = 0; reflection < 3; reflection++) {
      double[] u = random.doubles(n, -1, 1).toArray();
      double norm = Numbers.norm(u);
      double[][] q = new double[n][n];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          q[i][j] = (i == j ? 1 : 0) - 2 * u[i] * u[j] / (norm * norm);
        }
      }
      a = product(product(q, a), q);
    }
    return new Dense(a);
  }

  private static double[][] product(double[][] a, double[][] b) {
    int n = a.length;
    double[][] c = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < n; k++) {
        for (int j = 0; j < n; j++) {
          c[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return c;
  }
}
