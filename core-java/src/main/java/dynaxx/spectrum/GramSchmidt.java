package dynaxx.spectrum;

import dynaxx.backend.Backend;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import java.util.Arrays;

/**
 * Orthonormal bases by two passes of classical Gram-Schmidt (Daniel, Gragg, Kaufman and Stewart,
 * 1976). Vectors stay on the backend, coefficients come to the host in float64.
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
  static Factor factor(Backend backend, Vectors y) {
    int count = y.count();
    double[][] columns = new double[count][count];
    int rank = 0;
    try (Scope scope = Scope.open()) {
      Buffer w = backend.allocate(scope, y.length());
      for (int j = 0; j < count; j++) {
        backend.copy(y.vector(j), w);
        double before = norm(backend, w);
        add(backend.project(y, rank, w), columns[j]);
        add(backend.project(y, rank, w), columns[j]);
        double after = norm(backend, w);
        if (rank < y.length() && after > DEPENDENT * backend.unitRoundoff() * before) {
          columns[j][rank] = after;
          backend.axpby(1 / after, w, 0, y.vector(rank));
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

  static Deviation deviation(Backend backend, Vectors q) {
    double[] squaredNorms = new double[q.count()];
    double largest = 0;
    try (Scope scope = Scope.open()) {
      Buffer w = backend.allocate(scope, q.length());
      for (int i = 0; i < q.count(); i++) {
        backend.copy(q.vector(i), w);
        double[] row = backend.project(q, q.count(), w);
        squaredNorms[i] = row[i];
        for (int j = 0; j < row.length; j++) {
          double entry = NonFiniteException.check("basis vector", row[j]);
          largest = Math.max(largest, Math.abs(entry - (i == j ? 1 : 0)));
        }
      }
    }
    return new Deviation(largest, squaredNorms);
  }

  private static double norm(Backend backend, Buffer w) {
    return NonFiniteException.check("Hessian-vector product", Math.sqrt(backend.dot(w, w)));
  }

  private static void add(double[] more, double[] to) {
    for (int i = 0; i < more.length; i++) {
      to[i] += more[i];
    }
  }
}
