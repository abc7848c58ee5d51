package dynaxx.network;

import dynaxx.layer.Shape;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * A sum over the rows of an example's predictions, its last axis.
 *
 * @param size predictions of a row
 * @param targets targets of a row
 * @param row the term of a row
 */
record RowTerms(int size, int targets, Terms row) implements Terms {

  private static final double LEAST_VARIANCE = 1e-6;
  private static final double LEAST_NORM = 1e-8;

  /** Rows of a shape; of one number for each example, that number. */
  static RowTerms of(Shape output, double targetsOfOne, Terms row) {
    int size = output.rank() == 0 ? 1 : output.dim(-1);
    return new RowTerms(size, (int) (size * targetsOfOne), row);
  }

  private double[] part(double[] all, int row, int each) {
    return Arrays.copyOfRange(all, row * each, (row + 1) * each);
  }

  @Override
  public double value(double[] z, double[] t) {
    double sum = 0;
    for (int r = 0; r < z.length / size; r++) {
      sum += row.value(part(z, r, size), part(t, r, targets));
    }
    return sum;
  }

  @Override
  public void gradient(double[] z, double[] t, double[] dz) {
    double[] d = new double[size];
    for (int r = 0; r < z.length / size; r++) {
      row.gradient(part(z, r, size), part(t, r, targets), d);
      System.arraycopy(d, 0, dz, r * size, size);
    }
  }

  @Override
  public Product hessian(double[] z, double[] t) {
    int rows = z.length / size;
    Product[] products = new Product[rows];
    for (int r = 0; r < rows; r++) {
      products[r] = row.hessian(part(z, r, size), part(t, r, targets));
    }
    double[] d = new double[size];
    return (v, hv) -> {
      for (int r = 0; r < rows; r++) {
        products[r].apply(part(v, r, size), d);
        System.arraycopy(d, 0, hv, r * size, size);
      }
    };
  }

  @Override
  public boolean score(double[] z, double[] t, RandomGenerator random, double[] score) {
    double[] d = new double[size];
    for (int r = 0; r < z.length / size; r++) {
      if (!row.score(part(z, r, size), part(t, r, targets), random, d)) {
        return false;
      }
      System.arraycopy(d, 0, score, r * size, size);
    }
    return true;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /**
   * Gaussian negative log-likelihood without the constant: the first half of a row are means, the
   * second half variances of at least 1e-6 (Nix and Weigend, 1994) or their logarithms.
   */
  record Gaussian(boolean logarithms) implements Terms {

    private double variance(double[] z, int i) {
      double second = z[z.length / 2 + i];
      if (!logarithms && second < 0) {
        return Double.NaN;
      }
      return logarithms ? Math.exp(second) : Math.max(second, LEAST_VARIANCE);
    }

    @Override
    public double value(double[] z, double[] t) {
      double sum = 0;
      int n = z.length / 2;
      for (int i = 0; i < n; i++) {
        double e = z[i] - t[i];
        double v = variance(z, i);
        sum += 0.5 * ((logarithms ? z[n + i] : Math.log(v)) + e * e / v);
      }
      return sum;
    }

    @Override
    public void gradient(double[] z, double[] t, double[] dz) {
      int n = z.length / 2;
      for (int i = 0; i < n; i++) {
        double e = z[i] - t[i];
        double v = variance(z, i);
        dz[i] = e / v;
        dz[n + i] = 0.5 * (1 - e * e / v) / (logarithms ? 1 : v);
      }
    }

    @Override
    public Product hessian(double[] z, double[] t) {
      int n = z.length / 2;
      double[] a = new double[n];
      double[] b = new double[n];
      double[] c = new double[n];
      for (int i = 0; i < n; i++) {
        double e = z[i] - t[i];
        double v = variance(z, i);
        a[i] = 1 / v;
        b[i] = logarithms ? -e / v : -e / (v * v);
        c[i] = logarithms ? 0.5 * e * e / v : (e * e / v - 0.5) / (v * v);
      }
      return (v, hv) -> {
        for (int i = 0; i < n; i++) {
          hv[i] = a[i] * v[i] + b[i] * v[n + i];
          hv[n + i] = b[i] * v[i] + c[i] * v[n + i];
        }
      };
    }

    @Override
    public boolean score(double[] z, double[] t, RandomGenerator random, double[] score) {
      int n = z.length / 2;
      for (int i = 0; i < n; i++) {
        double e = random.nextGaussian();
        double v = variance(z, i);
        score[i] = e / Math.sqrt(v);
        score[n + i] = 0.5 * (1 - e * e) / (logarithms ? 1 : v);
      }
      return true;
    }
  }

  /** {@code 1 - cos(z, t)}. */
  record Cosine() implements Terms {

    private static double[] unit(double[] a) {
      double norm = norm(a);
      return Arrays.stream(a).map(x -> x / norm).toArray();
    }

    private static double norm(double[] a) {
      return Math.max(Math.sqrt(dot(a, a)), LEAST_NORM);
    }

    @Override
    public double value(double[] z, double[] t) {
      return 1 - dot(unit(z), unit(t));
    }

    @Override
    public void gradient(double[] z, double[] t, double[] dz) {
      double[] u = unit(z);
      double[] s = unit(t);
      double c = dot(u, s);
      double norm = norm(z);
      for (int i = 0; i < z.length; i++) {
        dz[i] = (c * u[i] - s[i]) / norm;
      }
    }

    @Override
    public Product hessian(double[] z, double[] t) {
      double[] u = unit(z);
      double[] s = unit(t);
      double c = dot(u, s);
      double squared = norm(z) * norm(z);
      return (v, hv) -> {
        double a = dot(u, v);
        double b = dot(s, v);
        for (int i = 0; i < hv.length; i++) {
          hv[i] = (s[i] * a + u[i] * b + c * v[i] - 3 * c * a * u[i]) / squared;
        }
      };
    }
  }

  /** The squared logarithm of the softmax's normaliser (de Brebisson and Vincent, 2016). */
  record SquaredNormalizer() implements Terms {

    private static double softmax(double[] z, double[] p) {
      double most = Arrays.stream(z).max().orElseThrow();
      double sum = 0;
      for (int i = 0; i < z.length; i++) {
        p[i] = Math.exp(z[i] - most);
        sum += p[i];
      }
      for (int i = 0; i < z.length; i++) {
        p[i] /= sum;
      }
      return most + Math.log(sum);
    }

    @Override
    public double value(double[] z, double[] t) {
      double lse = softmax(z, new double[z.length]);
      return lse * lse;
    }

    @Override
    public void gradient(double[] z, double[] t, double[] dz) {
      double lse = softmax(z, dz);
      for (int i = 0; i < dz.length; i++) {
        dz[i] *= 2 * lse;
      }
    }

    @Override
    public Product hessian(double[] z, double[] t) {
      double[] p = new double[z.length];
      double lse = softmax(z, p);
      return (v, hv) -> {
        double mean = dot(p, v);
        for (int i = 0; i < hv.length; i++) {
          hv[i] = 2 * p[i] * (mean + lse * (v[i] - mean));
        }
      };
    }
  }
}
