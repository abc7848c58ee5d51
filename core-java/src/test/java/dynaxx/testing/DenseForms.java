package dynaxx.testing;

import dynaxx.device.Device;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;

/**
 * A dense symmetric matrix as an operator with quadratic forms in double precision, fast enough for
 * thousands of runs.
 */
public record DenseForms(double[][] matrix, Device device) implements SymmetricOperator {

  /** A random symmetric matrix with a given spectrum: eigenvectors of a Gaussian matrix. */
  public static double[][] withSpectrum(long seed, double... values) {
    int n = values.length;
    Random random = new Random(seed);
    double[][] q = new double[n][];
    Arrays.setAll(q, k -> DoubleStream.generate(random::nextGaussian).limit(n).toArray());
    orthonormalise(q);
    double[][] a = new double[n][n];
    for (int k = 0; k < n; k++) {
      for (int i = 0; i < n; i++) {
        addScaled(values[k] * q[k][i], q[k], a[i]);
      }
    }
    return a;
  }

  /** Gram-Schmidt in double precision, twice, in place. */
  public static double[][] orthonormalise(double[][] rows) {
    for (int i = 0; i < rows.length; i++) {
      for (int pass = 0; pass < 2; pass++) {
        for (int l = 0; l < i; l++) {
          addScaled(-Numbers.dot(rows[l], rows[i]), rows[l], rows[i]);
        }
      }
      double norm = Numbers.norm(rows[i]);
      for (int j = 0; j < rows[i].length; j++) {
        rows[i][j] /= norm;
      }
    }
    return rows;
  }

  public static void addScaled(double factor, double[] x, double[] to) {
    for (int j = 0; j < to.length; j++) {
      to[j] += factor * x[j];
    }
  }

  /** Independent normal entries, symmetric, shifted on the diagonal. */
  public static double[][] gaussian(int n, long seed, double shift) {
    Random random = new Random(seed);
    double[][] a = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        a[i][j] = random.nextGaussian();
        a[j][i] = a[i][j];
      }
      a[i][i] += shift;
    }
    return a;
  }

  public double trace() {
    double sum = 0;
    for (int i = 0; i < matrix.length; i++) {
      sum += matrix[i][i];
    }
    return sum;
  }

  /** Standard deviation of one Rademacher sample. */
  public double sampleDeviation() {
    double offDiagonal = 0;
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix.length; j++) {
        offDiagonal += i == j ? 0 : matrix[i][j] * matrix[i][j];
      }
    }
    return Math.sqrt(2 * offDiagonal);
  }

  public double[] times(double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = Numbers.dot(matrix[i], x);
    }
    return y;
  }

  @Override
  public long dimension() {
    return matrix.length;
  }

  @Override
  public void apply(Vectors v, Vectors hv) {
    for (int k = 0; k < v.count(); k++) {
      double[] product = times(Numbers.doubles(v.vector(k)));
      for (int i = 0; i < product.length; i++) {
        ((HostBuffer) hv.vector(k)).set(i, (float) product[i]);
      }
    }
  }

  /** Row by row, which the compiler turns into vector code. */
  @Override
  public double[] quadraticForm(Vectors v) {
    double[] forms = new double[v.count()];
    double[] y = new double[matrix.length];
    for (int k = 0; k < forms.length; k++) {
      double[] x = Numbers.doubles(v.vector(k));
      Arrays.fill(y, 0);
      for (int i = 0; i < x.length; i++) {
        addScaled(x[i], matrix[i], y);
      }
      forms[k] = Numbers.dot(x, y);
    }
    return forms;
  }
}
