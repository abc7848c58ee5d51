package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Files of vectors over the parameters that the probe reads and writes. */
final class VectorOptions {

  @Option(
      names = "--hvp",
      paramLabel = "FILE",
      description =
          "Multiply the matrix of --operator with the vectors in this .npy file, [k x n] or [n];"
              + " needs --out. A vector has the n parameters in the order of the model, each"
              + " flattened.")
  private Path vectors;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description =
          "Write the products of --hvp, the solutions of --solve, or the changes of --influence"
              + " for all examples, to this .npy file.")
  private Path out;

  @Option(
      names = "--solve",
      paramLabel = "FILE",
      description =
          "Solve (H + damping) x = b for the vectors b in this .npy file, [k x n] or [n], H being"
              + " the matrix of --operator; needs --out.")
  private Path rightHandSides;

  @Option(
      names = "--damping",
      paramLabel = "D",
      defaultValue = "0",
      description =
          "What --solve and --influence add to the diagonal, at least 0. Default:"
              + " ${DEFAULT-VALUE}.")
  private double damping;

  @Option(
      names = "--diagonal",
      paramLabel = "FILE",
      description =
          "Write the diagonal of the matrix of --operator to this .npy file, [2 x n]: estimates by"
              + " two products for each of --probes, and below them their standard errors.")
  private Path diagonal;

  @Option(
      names = "--gradient",
      paramLabel = "FILE",
      description = "Write the gradient of the mean loss to this .npy file.")
  private Path gradient;

  /** Before anything is read. */
  void check(CommandSpec spec, int matrices, boolean influence) {
    if (vectors != null && rightHandSides != null) {
      throw bad(spec, "--hvp and --solve: found both, expected one of them");
    }
    String option = rightHandSides != null ? "--solve" : "--hvp";
    boolean given = vectors != null || rightHandSides != null;
    if (given && influence && out != null) {
      throw bad(spec, option + " and --influence: found both with --out, expected one of them");
    }
    if (given ? out == null : out != null && !influence) {
      throw bad(spec, option + " and --out: found one of them, expected both or none");
    }
    if (diagonal != null && matrices != 1) {
      throw bad(spec, "--diagonal: found " + matrices + " matrices in --operator, expected one");
    }
    if (given && matrices != 1) {
      throw bad(spec, option + ": found " + matrices + " matrices in --operator, expected one");
    }
    if (!(damping >= 0 && damping <= Float.MAX_VALUE)) {
      throw bad(spec, "--damping: found " + damping + ", expected a finite number of at least 0");
    }
  }

  private static ParameterException bad(CommandSpec spec, String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  double damping() {
    return damping;
  }

  /** Where products, solutions or influences go, or null. */
  Path out() {
    return out;
  }

  Map<String, Path> read() {
    Map<String, Path> files = new LinkedHashMap<>();
    files.put("--hvp", vectors);
    files.put("--solve", rightHandSides);
    return files;
  }

  Map<String, Path> written() {
    Map<String, Path> files = new LinkedHashMap<>();
    files.put("--out", out);
    files.put("--gradient", gradient);
    files.put("--diagonal", diagonal);
    return files;
  }

  boolean isGiven() {
    return out != null || gradient != null || diagonal != null;
  }

  /** Computes and writes all that was asked for. */
  void write(ProbeRun run, boolean convex, Scope scope, PrintWriter to) throws IOException {
    ProbeRun.Matrix matrix = run.plan().matrices().getLast();
    ProbeVectors work = new ProbeVectors(run, matrix);
    long n = run.network().parameterCount();
    if (gradient != null) {
      run.progress().stage("gradient");
      ArrayFile.write(gradient, List.of(n), run.gradient(scope));
      done(run, to, "wrote " + gradient);
    }
    if (vectors != null) {
      ArrayFile given = vectors(vectors, n);
      int k = (int) (given.size() / n);
      ArrayFile.write(out, given.shape(), work.products(scope, finite(given, scope), k));
      done(run, to, "wrote " + out + ": " + k + " products with " + ProbeCommand.label(matrix));
    }
    if (rightHandSides != null) {
      ArrayFile given = vectors(rightHandSides, n);
      int k = (int) (given.size() / n);
      ProbeVectors.Solutions found = work.solutions(damping, scope, finite(given, scope), k);
      ArrayFile.write(out, given.shape(), found.values());
      boolean definite = matrix.isSemidefinite(convex);
      String text = found.text(ProbeCommand.label(matrix), damping, definite);
      done(run, to, "wrote " + out + ": " + text);
    }
    if (diagonal != null) {
      HostBuffer values = work.diagonal(scope);
      ArrayFile.write(diagonal, List.of(2L, n), values);
      done(run, to, "wrote " + diagonal + ": " + text(ProbeCommand.label(matrix), values, n));
    }
    to.flush();
  }

  private static void done(ProbeRun run, PrintWriter to, String line) {
    run.progress().end();
    to.println(line);
  }

  private static String text(String matrix, HostBuffer diagonal, long n) {
    double sum = 0;
    double squares = 0;
    for (long i = 0; i < n; i++) {
      sum += diagonal.get(i);
      squares += (double) diagonal.get(n + i) * diagonal.get(n + i);
    }
    return String.format(
        Locale.ROOT,
        "the diagonal of %s and its standard errors; entries are %.3g on average, their errors"
            + " %.2g (root mean square)",
        matrix,
        sum / n,
        Math.sqrt(squares / n));
  }

  private static HostBuffer finite(ArrayFile given, Scope scope) {
    HostBuffer values = given.values(scope);
    ProbeInputs.requireFinite(given, values);
    return values;
  }

  /** A file of vectors over the parameters. */
  private static ArrayFile vectors(Path file, long n) {
    ArrayFile given = ArrayFile.open(file);
    List<Long> shape = given.shape();
    boolean fits =
        (shape.size() == 1 || shape.size() == 2)
            && shape.getLast() == n
            && given.size() > 0
            && given.size() / n <= Integer.MAX_VALUE;
    if (!fits) {
      throw new UserException(
          file
              + ": found shape "
              + shape
              + ", expected [k x "
              + n
              + "] or ["
              + n
              + "], n being"
              + " the model's parameters");
    }
    return given;
  }
}
