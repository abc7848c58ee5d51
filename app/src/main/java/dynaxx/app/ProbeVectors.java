package dynaxx.app;

import dynaxx.app.ProbeRun.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.NetworkOperator;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.SpectrumProbe;
import java.util.Arrays;
import java.util.Locale;

/** What is computed with a matrix and vectors: products, solutions, diagonals, influences. */
final class ProbeVectors {

  /** Residual that solutions are meant to reach, and products that one may take. */
  static final double SOLVED = 1e-5;

  private static final int MOST_PRODUCTS = 2000;

  private final ProbeRun run;
  private final Matrix matrix;

  ProbeVectors(ProbeRun run, Matrix matrix) {
    this.run = run;
    this.matrix = matrix;
  }

  /** What is done with an operator and some vectors. */
  private interface Work {
    void on(SymmetricOperator operator, Vectors in, Vectors out);
  }

  private HostBuffer mapped(Scope scope, HostBuffer v, int k, Work work) {
    long n = run.network().parameterCount();
    HostBuffer results = scope.allocate(k * n);
    try (Scope temporary = Scope.open();
        SymmetricOperator operator = run.linearized(matrix)) {
      Vectors in = Vectors.of(run.device().upload(temporary, v.segment()), k, n);
      Vectors out = run.device().vectors(temporary, k, n);
      work.on(run.withDecay(matrix, operator), in, out);
      run.device().download(out.buffer(), results.segment());
    }
    return results;
  }

  /**
   * Multiplies given vectors.
   *
   * @param scope owns the products
   * @param v k vectors of n values, in host memory
   * @param k how many
   * @return k products
   */
  HostBuffer products(Scope scope, HostBuffer v, int k) {
    run.progress().stage("products of " + k + " vectors");
    return mapped(scope, v, k, SymmetricOperator::apply);
  }

  /**
   * Solutions of linear systems.
   *
   * @param values k vectors of n values
   * @param count k
   * @param residual the largest of {@code ||b - A x|| / ||b||}
   */
  record Solutions(HostBuffer values, int count, double residual) {

    /** A line; {@code definite} if the damping is a lower bound of the eigenvalues. */
    String text(String matrix, double damping, boolean definite) {
      String sentence =
          String.format(
              Locale.ROOT,
              "%d solution%s with %s + %.4g, residual at most %.1e of the right-hand side",
              count,
              count == 1 ? "" : "s",
              matrix,
              damping,
              residual);
      String error =
          definite && damping > 0
              ? String.format(
                  Locale.ROOT,
                  "; error at most %.1e of the right-hand side's norm",
                  residual / damping)
              : "";
      return sentence + missed(residual) + error;
    }
  }

  static String missed(double residual) {
    return residual <= SOLVED ? "" : String.format(Locale.ROOT, ", wanted %.0e", SOLVED);
  }

  /** Solves with the matrix and damping; {@code k} right-hand sides in host memory. */
  Solutions solutions(double damping, Scope scope, HostBuffer b, int k) {
    double[] residuals = new double[k];
    run.progress().stage("solutions", "vector", k);
    HostBuffer values =
        mapped(
            scope,
            b,
            k,
            (operator, in, out) -> {
              SymmetricOperator damped = operator.shifted(damping);
              for (int i = 0; i < k; i++) {
                residuals[i] = damped.solve(in.vector(i), out.vector(i), SOLVED, MOST_PRODUCTS);
                run.progress().advance(1);
              }
            });
    double worst = Arrays.stream(residuals).max().orElse(0);
    return new Solutions(values, k, worst);
  }

  /**
   * The diagonal of the matrix by two products for each probe of the trace, and below it the
   * standard error of each entry: 2 vectors of n values.
   */
  HostBuffer diagonal(Scope scope) {
    int products = 2 * run.plan().settings().probes();
    run.progress().stage("diagonal by " + products + " products");
    try (SymmetricOperator operator = run.linearized(matrix)) {
      Vectors found = SpectrumProbe.diagonal(operator, products, run.plan().seed(), scope);
      HostBuffer values = (HostBuffer) found.buffer();
      double decay = matrix == Matrix.HESSIAN ? run.plan().decay() : 0;
      for (long i = 0; i < found.length(); i++) {
        values.set(i, (float) (values.get(i) + decay));
      }
      return values;
    }
  }

  /**
   * What leaving out one example would change of the loss on others, to first order.
   *
   * @param changes of the loss on the others, one for each example: above 0, leaving it out makes
   *     that loss larger
   * @param loss on the others
   * @param gradientNorm of that loss
   * @param residual of the linear system, as part of that gradient
   * @param trainingNorm norm of the gradient of the training loss, which the theory takes for zero
   */
  record Influences(
      double[] changes, double loss, double gradientNorm, double residual, double trainingNorm) {}

  /**
   * Influence functions (Koh and Liang, 2017): with the training loss {@code L = (1/N) sum of l_i},
   * the loss T on other examples, and {@code (A + damping) v = grad T}, leaving out example i
   * changes T by {@code v' grad l_i / N}.
   *
   * @param network of the other examples, with the same parameters
   * @param loss on the other examples
   * @param others the other examples
   */
  Influences influences(Network network, Loss loss, Batch others, double damping) {
    run.network().requireSeparateExamples("--influence");
    run.loss().requireSeparateExamples("--influence");
    try (Scope scope = Scope.open()) {
      run.progress().stage("influence: gradient of the test loss");
      Buffer b = run.device().allocate(scope, run.network().parameterCount());
      double testLoss;
      double norm;
      try (NetworkOperator test =
          new GaussNewton(network, loss, others, run.device(), run.limits())) {
        test.linearize(run.parameters());
        run.device().algebra().copy(test.gradient(), b);
        testLoss = test.loss();
        norm = test.gradientNorm();
      }
      Buffer v = run.device().allocate(scope, b.size());
      double residual = solve(b, v, damping);
      // Targets that a Fisher matrix draws are not those whose influence is wanted.
      try (NetworkOperator data =
          new GaussNewton(run.network(), run.loss(), run.batch(), run.device(), run.limits())) {
        data.linearize(run.parameters());
        return new Influences(changes(data, v), testLoss, norm, residual, trainingNorm(data));
      }
    }
  }

  private double solve(Buffer b, Buffer v, double damping) {
    try (SymmetricOperator operator = run.linearized(matrix)) {
      run.progress().stage("influence: solution");
      return run.withDecay(matrix, operator).shifted(damping).solve(b, v, SOLVED, MOST_PRODUCTS);
    }
  }

  private double trainingNorm(NetworkOperator operator) {
    try (Scope scope = Scope.open()) {
      return Math.sqrt(Decay.squares(run.gradient(scope, operator)));
    }
  }

  private static double[] changes(NetworkOperator operator, Buffer v) {
    double[] derivatives = operator.exampleDerivatives(v);
    for (int i = 0; i < derivatives.length; i++) {
      derivatives[i] =
          NonFiniteException.check("influence of an example", derivatives[i]) / derivatives.length;
    }
    return derivatives;
  }
}
