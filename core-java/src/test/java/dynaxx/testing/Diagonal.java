package dynaxx.testing;

import dynaxx.dense.TridiagonalEigen;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * A diagonal matrix as an operator: any spectrum, at the price of its dimension. Products are
 * rounded once; forms in float64 are exact.
 */
public record Diagonal(double... values) {

  public SymmetricOperator on(Device device) {
    return new SymmetricOperator() {
      @Override
      public long dimension() {
        return values.length;
      }

      @Override
      public Device device() {
        return device;
      }

      @Override
      public void apply(Vectors v, Vectors hv) {
        for (int k = 0; k < v.count(); k++) {
          HostBuffer x = (HostBuffer) v.vector(k);
          HostBuffer y = (HostBuffer) hv.vector(k);
          for (int i = 0; i < values.length; i++) {
            y.set(i, (float) (values[i] * x.get(i)));
          }
        }
      }

      @Override
      public OptionalDouble quadraticForm64(Buffer v) {
        double sum = 0;
        for (int i = 0; i < values.length; i++) {
          double x = ((HostBuffer) v).get(i);
          sum += values[i] * x * x;
        }
        return OptionalDouble.of(sum);
      }
    };
  }

  public double min() {
    return DoubleStream.of(values).min().orElseThrow();
  }

  public double max() {
    return DoubleStream.of(values).max().orElseThrow();
  }

  /**
   * The Hessian's spectrum late in training: a hundred outliers that thin out upwards, a bulk that
   * decays towards zero on both sides with two fifths of it negative, and one eigenvalue of
   * -1.4e-3.
   */
  public static Diagonal lateTraining() {
    int n = 2848;
    double[] values = new double[n];
    int outliers = 100;
    for (int i = 0; i < outliers; i++) {
      values[i] = 1.743 * Math.pow(0.7, Math.min(i, 10)) * Math.pow(0.97, Math.max(0, i - 10));
    }
    int negative = (int) (0.42 * n);
    int positive = n - outliers - negative;
    for (int i = outliers; i < n; i++) {
      int j = i - outliers;
      boolean below = j < negative;
      double place = below ? (double) j / negative : (double) (j - negative) / positive;
      values[i] = below ? -5e-5 * Math.pow(place, 10) : 4e-3 * Math.pow(place, 6);
    }
    values[n - 1] = -1.4e-3;
    return new Diagonal(values);
  }

  /** Strakos (1991): eigenvalues crowd at the small end. */
  public static Diagonal strakos(int n, double rho) {
    double[] values = new double[n];
    for (int i = 1; i <= n; i++) {
      values[i - 1] = 0.1 + (i - 1.0) / (n - 1) * (100 - 0.1) * Math.pow(rho, n - i);
    }
    return new Diagonal(values);
  }

  /**
   * The eigenvalues of Wilkinson's W21+, with its pair at the top that is 7e-14 apart; a random
   * start does not see in which basis a matrix is given.
   */
  public static Diagonal wilkinson() {
    double[] diagonal = IntStream.rangeClosed(-10, 10).mapToDouble(Math::abs).toArray();
    double[] ones = DoubleStream.generate(() -> 1).limit(20).toArray();
    return new Diagonal(TridiagonalEigen.of(diagonal, ones).values());
  }

  /** Clusters of eigenvalues 1e-8 apart. */
  public static Diagonal clustered(int n) {
    double[] values = new double[n];
    double[] centres = {-3, -1, 0.5, 1, 6};
    for (int i = 0; i < n; i++) {
      values[i] = centres[i % centres.length] + 1e-8 * (i / centres.length);
    }
    return new Diagonal(values);
  }

  /** A semicircle of radius 2 with one outlier on each side. */
  public static Diagonal spiked(int n, double low, double high) {
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = quantileOfSemicircle((i + 0.5) / n);
    }
    values[0] = low;
    values[n - 1] = high;
    return new Diagonal(values);
  }

  private static double quantileOfSemicircle(double p) {
    double low = -2;
    double high = 2;
    for (int i = 0; i < 60; i++) {
      double x = (low + high) / 2;
      double mass = 0.5 + (x * Math.sqrt(4 - x * x) / 4 + Math.asin(x / 2)) / Math.PI;
      if (mass < p) {
        low = x;
      } else {
        high = x;
      }
    }
    return (low + high) / 2;
  }
}
