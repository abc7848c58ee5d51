package dynaxx.device.cpu;

/** Algebra on short float64 arrays of one length, each sum from the first element to the last. */
final class Doubles {

  private Doubles() {}

  static double sum(double[] a) {
    double sum = 0;
    for (double v : a) {
      sum += v;
    }
    return sum;
  }

  static double mean(double[] a) {
    return sum(a) / a.length;
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }

  static double squaredDistance(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += (a[j] - b[j]) * (a[j] - b[j]);
    }
    return sum;
  }

  /** {@code a += b}. */
  static void add(double[] a, double[] b) {
    for (int j = 0; j < a.length; j++) {
      a[j] += b[j];
    }
  }

  /** {@code a += factor b}. */
  static void add(double[] a, double factor, double[] b) {
    for (int j = 0; j < a.length; j++) {
      a[j] += factor * b[j];
    }
  }

  /** {@code a += shift}. */
  static void shift(double[] a, double shift) {
    for (int j = 0; j < a.length; j++) {
      a[j] += shift;
    }
  }

  /** {@code a *= factor}. */
  static void scale(double[] a, double factor) {
    for (int j = 0; j < a.length; j++) {
      a[j] *= factor;
    }
  }

  static double[] product(double[] a, double[] b) {
    double[] product = new double[a.length];
    for (int j = 0; j < a.length; j++) {
      product[j] = a[j] * b[j];
    }
    return product;
  }
}
