package dynaxx.operator;

import dynaxx.device.Algebra;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;

/**
 * Solves {@code A x = b} for a symmetric A that need not be definite (MINRES, Paige and Saunders,
 * 1975). What a pass leaves is computed again by a product and solved for again, since float32
 * vectors of a Krylov space soon cease to be orthogonal.
 */
final class MinimumResidual implements AutoCloseable {

  /** A pass that does not reduce the residual to this part is the last. */
  private static final double PROGRESS = 0.5;

  /** Below this part of the operator's norm, what is left of a product is rounding. */
  private static final double EXHAUSTED = 1e-6;

  private final SymmetricOperator operator;
  private final Algebra algebra;
  private final double tolerance;
  private final Scope scope = Scope.open();
  private final Vectors current;
  private final Vectors product;
  private final Buffer previous;
  private final Buffer correction;
  private final Buffer residual;
  private Buffer direction;
  private Buffer earlier;
  private int left;

  private MinimumResidual(SymmetricOperator operator, double tolerance, int products) {
    this.operator = operator;
    this.algebra = operator.device().algebra();
    this.tolerance = tolerance;
    this.left = products;
    long n = operator.dimension();
    current = operator.device().vectors(scope, 1, n);
    product = operator.device().vectors(scope, 1, n);
    previous = operator.device().allocate(scope, n);
    direction = operator.device().allocate(scope, n);
    earlier = operator.device().allocate(scope, n);
    correction = operator.device().allocate(scope, n);
    residual = operator.device().allocate(scope, n);
  }

  static double solve(
      SymmetricOperator operator, Buffer b, Buffer x, double tolerance, int products) {
    check(operator, b, x, tolerance, products);
    try (MinimumResidual solver = new MinimumResidual(operator, tolerance, products)) {
      return solver.solve(b, x);
    }
  }

  /** Refuses arguments of {@link SymmetricOperator#solve} that do not fit. */
  static void check(
      SymmetricOperator operator, Buffer b, Buffer x, double tolerance, int products) {
    requireLength(operator, "b", b);
    requireLength(operator, "x", x);
    if (!(tolerance > 0 && tolerance < 1)) {
      throw new IllegalArgumentException(
          "tolerance: found " + tolerance + ", expected between 0 and 1");
    }
    if (products < 2) {
      throw new IllegalArgumentException("products: found " + products + ", expected at least 2");
    }
  }

  private static void requireLength(SymmetricOperator operator, String argument, Buffer buffer) {
    if (buffer.size() != operator.dimension()) {
      throw new IllegalArgumentException(
          argument
              + ": found "
              + buffer.size()
              + " values, expected "
              + operator.dimension()
              + ", the operator's dimension");
    }
  }

  private double solve(Buffer b, Buffer x) {
    double whole = norm("b", b);
    algebra.fill(x, 0);
    if (whole == 0) {
      return 0;
    }
    algebra.copy(b, residual);
    double reached = 1;
    int most = Integer.MAX_VALUE;
    while (left >= 2 && reached > tolerance) {
      int steps = pass(tolerance * whole, most);
      algebra.axpby(1, correction, 1, x);
      double now = residualOf(b, x) / whole;
      if (!(now < reached)) {
        // Of a nearly singular operator, the later steps of a pass may undo what the earlier won.
        most = steps / 2;
        algebra.axpby(-1, correction, 1, x);
        if (most < 1 || left < 3) {
          return reached;
        }
        residualOf(b, x);
        continue;
      }
      boolean slow = now > PROGRESS * reached;
      reached = now;
      if (slow) {
        return reached;
      }
    }
    return reached;
  }

  private double residualOf(Buffer b, Buffer x) {
    operator.apply(Vectors.of(x, 1, x.size()), product);
    left--;
    algebra.copy(b, residual);
    algebra.axpby(-1, product.buffer(), 1, residual);
    return norm("residual", residual);
  }

  /**
   * Solves for the residual, until the recurrence says that no more than the goal is left.
   *
   * @return products made
   */
  private int pass(double goal, int most) {
    Buffer v = current.buffer();
    Buffer av = product.buffer();
    double beta = norm("residual", residual);
    double eta = beta;
    double c = 1;
    double cBefore = 1;
    double s = 0;
    double sBefore = 0;
    double largest = 0;
    algebra.axpby(1 / beta, residual, 0, v);
    algebra.fill(previous, 0);
    algebra.fill(direction, 0);
    algebra.fill(earlier, 0);
    algebra.fill(correction, 0);
    beta = 0;
    // One product is kept for the residual.
    int steps = 0;
    while (left > 1 && steps < most && Math.abs(eta) > goal) {
      operator.apply(current, product);
      left--;
      steps++;
      double alpha = algebra.dot(v, av);
      algebra.axpby(-alpha, v, 1, av);
      algebra.axpby(-beta, previous, 1, av);
      double next = norm("a product", av);
      double delta = c * alpha - cBefore * s * beta;
      double diagonal = Math.hypot(delta, next);
      largest = Math.max(largest, Math.hypot(alpha, beta + next));
      double least = EXHAUSTED * largest;
      if (diagonal <= least) {
        return steps;
      }
      // direction becomes (v - rho3 earlier - rho2 direction) / rho1, kept in what was earlier.
      algebra.axpby(-(s * alpha + cBefore * c * beta), direction, -(sBefore * beta), earlier);
      algebra.axpby(1 / diagonal, v, 1 / diagonal, earlier);
      Buffer spare = direction;
      direction = earlier;
      earlier = spare;
      cBefore = c;
      sBefore = s;
      c = delta / diagonal;
      s = next / diagonal;
      algebra.axpby(c * eta, direction, 1, correction);
      eta *= -s;
      if (next <= least) {
        return steps;
      }
      algebra.copy(v, previous);
      algebra.axpby(1 / next, av, 0, v);
      beta = next;
    }
    return steps;
  }

  private double norm(String what, Buffer buffer) {
    return Math.sqrt(NonFiniteException.check(what, algebra.dot(buffer, buffer)));
  }

  @Override
  public void close() {
    scope.close();
  }
}
