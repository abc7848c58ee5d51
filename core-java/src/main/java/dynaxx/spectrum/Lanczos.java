package dynaxx.spectrum;

import dynaxx.backend.Backend;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Lanczos tridiagonalisation (Lanczos, 1950) with full reorthogonalisation by two passes of
 * classical Gram-Schmidt (Daniel, Gragg, Kaufman and Stewart, 1976), from a Gaussian start vector
 * that depends only on the seed.
 *
 * <p>A fixed number of steps says nothing about convergence: late in training the smallest Ritz
 * value after 10 to 20 steps can still have the wrong sign. Read the residuals.
 *
 * @param steps number of products m, at least 1; fewer are made if the Krylov space is exhausted
 * @param seed fixes the start vector
 */
public record Lanczos(int steps, long seed) {

  /**
   * Below this fraction of the largest entry of T, a coupling is rounding noise of float32
   * products.
   */
  private static final double BREAKDOWN = 4e-7;

  /** Error of a product in units of roundoff times the norm of the operator. */
  private static final double ROUNDING = 16;

  /**
   * Checks the settings.
   *
   * @param steps number of products
   * @param seed fixes the start vector
   * @throws IllegalArgumentException if steps is below 1
   */
  public Lanczos {
    if (steps < 1) {
      throw new IllegalArgumentException("steps: found " + steps + ", expected at least 1");
    }
  }

  /**
   * What a run found.
   *
   * @param ritz Ritz values with their residuals, ascending
   * @param weights squared first component of each Ritz vector in the Krylov basis: Gauss
   *     quadrature weights, summing to 1
   * @param diagonal of the tridiagonal matrix
   * @param offDiagonal of the tridiagonal matrix; the last entry is the norm left over after the
   *     last step
   * @param products number of products made
   * @param exhausted whether the Krylov space became invariant, so that the Ritz values are
   *     eigenvalues up to rounding
   */
  public record Result(
      List<RitzValue> ritz,
      double[] weights,
      double[] diagonal,
      double[] offDiagonal,
      int products,
      boolean exhausted) {

    /**
     * Estimate of the smallest eigenvalue, from above.
     *
     * @return the smallest Ritz value
     */
    public RitzValue min() {
      return ritz.getFirst();
    }

    /**
     * Estimate of the largest eigenvalue, from below.
     *
     * @return the largest Ritz value
     */
    public RitzValue max() {
      return ritz.getLast();
    }
  }

  /**
   * Runs on an operator. Needs memory for {@code min(steps, n) + 2} vectors.
   *
   * @param operator a symmetric operator
   * @return Ritz values with residuals
   * @throws NonFiniteException if a product holds NaN or infinity
   */
  public Result run(SymmetricOperator operator) {
    long n = operator.dimension();
    int m = (int) Math.min(steps, n);
    Backend backend = operator.backend();
    double[] alpha = new double[m];
    double[] beta = new double[m];
    try (Scope scope = Scope.open()) {
      Vectors basis = backend.vectors(scope, m, n);
      Vectors product = backend.vectors(scope, 1, n);
      Buffer start = GaussianVector.create(backend, scope, n, seed);
      append(backend, start, Math.sqrt(backend.dot(start, start)), basis.vector(0));
      int done = 0;
      boolean exhausted = false;
      while (done < m && !exhausted) {
        Buffer w = product.vector(0);
        operator.apply(basis.subset(done, 1), product);
        alpha[done] =
            NonFiniteException.check(
                "Hessian-vector product", orthogonalise(backend, basis, done + 1, w));
        beta[done] =
            NonFiniteException.check("Hessian-vector product", Math.sqrt(backend.dot(w, w)));
        done++;
        exhausted = done == n || beta[done - 1] <= BREAKDOWN * scale(alpha, beta, done);
        if (done < m && !exhausted) {
          append(backend, w, beta[done - 1], basis.vector(done));
        }
      }
      double roundoff = ROUNDING * backend.unitRoundoff();
      return result(Arrays.copyOf(alpha, done), Arrays.copyOf(beta, done), exhausted, roundoff);
    }
  }

  /** Removes the basis from w, twice; returns the coefficient of the newest basis vector. */
  private static double orthogonalise(Backend backend, Vectors basis, int count, Buffer w) {
    double[] first = backend.project(basis, count, w);
    double[] second = backend.project(basis, count, w);
    return first[count - 1] + second[count - 1];
  }

  private static void append(Backend backend, Buffer w, double norm, Buffer to) {
    backend.axpby(1 / norm, w, 0, to);
  }

  private static double scale(double[] alpha, double[] beta, int done) {
    double largest = 0;
    for (int i = 0; i < done; i++) {
      largest = Math.max(largest, Math.abs(alpha[i]));
      largest = i + 1 < done ? Math.max(largest, beta[i]) : largest;
    }
    return largest;
  }

  private static Result result(double[] alpha, double[] beta, boolean exhausted, double roundoff) {
    TridiagonalEigen eigen = TridiagonalEigen.of(alpha, beta);
    double left = beta[beta.length - 1];
    double[] values = eigen.values();
    double noise = roundoff * Math.max(Math.abs(values[0]), Math.abs(values[values.length - 1]));
    List<RitzValue> ritz =
        IntStream.range(0, alpha.length)
            .mapToObj(
                i -> new RitzValue(values[i], Math.max(noise, Math.abs(left * eigen.last()[i]))))
            .toList();
    double[] weights = Arrays.stream(eigen.first()).map(x -> x * x).toArray();
    return new Result(ritz, weights, alpha, beta, alpha.length, exhausted);
  }
}
