package dynaxx.app;

import dynaxx.app.ProbeRun.Matrix;
import dynaxx.app.terminal.LanczosProgress;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.Lanczos.RitzValue;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * KFAC or EKFAC of the Gauss-Newton matrix: its extreme eigenvalues and its trace.
 *
 * @param matrix which
 * @param largest its largest eigenvalues, descending
 * @param smallest the smallest Ritz value, which its smallest eigenvalue does not exceed
 * @param trace its trace
 * @param columns of the loss's root for an example
 * @param seed of the columns, where not all are passed back
 */
record KroneckerReport(
    Matrix matrix, double[] largest, double smallest, double trace, long columns, long seed) {

  /** The most columns of the loss's root that are passed back for an example. */
  private static final int COLUMNS = 64;

  private static final int LEADING = 5;
  private static final int STEPS = 60;

  /** Whether a matrix is one of these. */
  static boolean is(Matrix matrix) {
    return matrix == Matrix.KFAC || matrix == Matrix.EKFAC;
  }

  /** The matrix at the run's parameters, without the Gauss-Newton operator that it is made of. */
  static SymmetricOperator open(ProbeRun run, Matrix matrix) {
    try (GaussNewton from =
        new GaussNewton(run.network(), run.loss(), run.batch(), run.device(), run.limits())) {
      from.linearize(run.parameters());
      long seed = run.plan().seed();
      return matrix == Matrix.KFAC ? from.kfac(COLUMNS, seed) : from.ekfac(COLUMNS, seed);
    }
  }

  static KroneckerReport measure(ProbeRun run, Matrix matrix) {
    String name = ProbeCommand.label(matrix).toUpperCase(Locale.ROOT);
    run.progress().stage(name + ": factors");
    try (SymmetricOperator operator = open(run, matrix)) {
      int most = run.plan().iterations() == null ? STEPS : run.plan().iterations();
      List<RitzValue> ritz =
          Lanczos.fixed((int) Math.min(most, operator.dimension()))
              .withSeed(run.plan().seed())
              .withListener(new LanczosProgress(run.progress(), name))
              .run(operator)
              .ritz();
      double[] largest =
          ritz.reversed().stream().limit(LEADING).mapToDouble(RitzValue::value).toArray();
      double smallest = Math.max(0, ritz.getFirst().value());
      long seed = run.plan().seed();
      long columns = run.network().outputShape().size();
      double trace = operator.knownTrace().orElseThrow();
      return new KroneckerReport(matrix, largest, smallest, trace, columns, seed);
    }
  }

  String line() {
    String values =
        Arrays.stream(largest)
            .mapToObj(value -> String.format(Locale.ROOT, "%.6g", value))
            .collect(Collectors.joining(", "));
    return String.format(
        Locale.ROOT,
        "%-13slargest %s; smallest at most %.2g; trace %.6g; an approximation of the"
            + " Gauss-Newton matrix%s",
        ProbeCommand.label(matrix).toUpperCase(Locale.ROOT),
        values,
        smallest,
        trace,
        columns <= COLUMNS
            ? ""
            : " by "
                + COLUMNS
                + " random combinations of the "
                + columns
                + " predictions of an example, which makes the largest values too large");
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("approximates", "gauss_newton");
    json.put("largest", largest);
    json.put("smallest_at_most", smallest);
    json.put("trace", trace);
    json.put("columns", columns);
    json.put("columns_passed_back", Math.min(columns, COLUMNS));
    json.put("seed", seed);
    return json;
  }
}
