package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import java.util.Arrays;

/**
 * Orthonormal bases by two passes of classical Gram-Schmidt (Daniel, Gragg, Kaufman and Stewart,
 * 1976). Vectors stay on the device, coefficients come to the host in float64.
 */
final class GramSchmidt {

  /** What is left of a vector below this many units of roundoff of its norm is rounding noise. */
  private static final double DEPENDENT = 8;

  private GramSchmidt() {}

  /**
   * A block Y written as Q R.
   *
   * @param rank number r of basis vectors
   * @param columns for each vector of Y its r coefficients
   */
  record Factor(int rank, double[][] columns) {}

  /**
   * Replaces the first r vectors of a block by an orthonormal basis of its span; a vector that
   * depends on the ones before it adds none.
   */
  static Factor factor(Device device, Vectors y) {
    int count = y.count();
    double[][] columns = new double[count][count];
    int rank = 0;
    try (Scope scope = Scope.open()) {
      Buffer w = device.allocate(scope, y.length());
      for (int j = 0; j < count; j++) {
        device.algebra().copy(y.vector(j), w);
        double before = norm(device, w);
        add(device.algebra().project(y, rank, w), columns[j]);
        add(device.algebra().project(y, rank, w), columns[j]);
        double after = norm(device, w);
        if (rank < y.length() && after > DEPENDENT * device.unitRoundoff() * before) {
          columns[j][rank] = after;
          device.algebra().axpby(1 / after, w, 0, y.vector(rank));
          rank++;
        }
      }
    }
    for (int j = 0; j < count; j++) {
      columns[j] = Arrays.copyOf(columns[j], rank);
    }
    return new Factor(rank, columns);
  }

  /** Largest entry of Q'Q - I, with the squared norms of the vectors. */
  record Deviation(double largest, double[] squaredNorms) {}

  static Deviation deviation(Device device, Vectors q) {
    double[] squaredNorms = new double[q.count()];
    double largest = 0;
    try (Scope scope = Scope.open()) {
      Buffer w = device.allocate(scope, q.length());
      for (int i = 0; i < q.count(); i++) {
        device.algebra().copy(q.vector(i), w);
        double[] row = device.algebra().project(q, q.count(), w);
        squaredNorms[i] = row[i];
        for (int j = 0; j < row.length; j++) {
          double entry = NonFiniteException.check("basis vector", row[j]);
          largest = Math.max(largest, Math.abs(entry - (i == j ? 1 : 0)));
        }
      }
    }
    return new Deviation(largest, squaredNorms);
  }

  private static double norm(Device device, Buffer w) {
    return NonFiniteException.check(
        "Hessian-vector product", Math.sqrt(device.algebra().dot(w, w)));
  }

  private static void add(double[] more, double[] to) {
    for (int i = 0; i < more.length; i++) {
      to[i] += more[i];
    }
  }
}
