package dynaxx.spectrum;

import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/**
 * Extreme eigenvalues by Lanczos tridiagonalisation (Lanczos, 1950) with full reorthogonalisation,
 * from random start vectors that depend only on the seed. It stops when the residual at the wanted
 * end is small enough, or at a cap; {@link #fixed} stops at a number of steps, which says nothing
 * about convergence: late in training the smallest Ritz value after 10 to 20 steps can still have
 * the wrong sign. Immutable.
 */
public final class Lanczos {

  /** Which eigenvalue has to converge. */
  enum End {
    /** The smallest. */
    MIN,
    /** The largest. */
    MAX,
    /** Both. */
    BOTH
  }

  private static final double DEFAULT_TOLERANCE = 1e-2;
  private static final int DEFAULT_CAP = 100;
  private static final Consumer<Progress> SILENT = progress -> {};

  private final End end;
  private final double tolerance;
  private final int cap;
  private final int starts;
  private final long memoryBytes;
  private final long seed;
  private final boolean certified;
  private final Vectors earlier;
  private final Consumer<Progress> listener;

  private Lanczos(
      End end,
      double tolerance,
      int cap,
      int starts,
      long memoryBytes,
      long seed,
      boolean certified,
      Vectors earlier,
      Consumer<Progress> listener) {
    this.end = end;
    this.tolerance = tolerance;
    this.cap = cap;
    this.starts = starts;
    this.memoryBytes = memoryBytes;
    this.seed = seed;
    this.certified = certified;
    this.earlier = earlier;
    this.listener = listener;
  }

  /**
   * Stops when the smallest Ritz value has converged to a residual of 1 % of it, or after 100
   * steps.
   *
   * @return the default settings for the smallest eigenvalue
   */
  public static Lanczos lambdaMin() {
    return until(End.MIN);
  }

  /**
   * Stops when the largest Ritz value has converged to a residual of 1 % of it, or after 100 steps.
   *
   * @return the default settings for the largest eigenvalue
   */
  public static Lanczos lambdaMax() {
    return until(End.MAX);
  }

  /**
   * Stops when both extreme Ritz values have converged to a residual of 1 % each, or after 100
   * steps.
   *
   * @return the default settings for both ends
   */
  public static Lanczos both() {
    return until(End.BOTH);
  }

  private static Lanczos until(End end) {
    return new Lanczos(end, DEFAULT_TOLERANCE, DEFAULT_CAP, 1, 0, 1, false, null, SILENT);
  }

  /**
   * A fixed number of steps; fewer are made only if the Krylov space is exhausted.
   *
   * @param steps number of products of each start, at least 1
   * @return the settings
   */
  public static Lanczos fixed(int steps) {
    requirePositive("steps", steps);
    return new Lanczos(null, DEFAULT_TOLERANCE, steps, 1, 0, 1, false, null, SILENT);
  }

  /**
   * Residual, as part of the Ritz value, at which an eigenvalue counts as converged. A value close
   * to zero also has when its residual is at the noise floor and its bound within a thousandth of
   * the largest Ritz value.
   *
   * @param relative between 0 and 1
   * @return changed settings
   */
  public Lanczos withTolerance(double relative) {
    if (!(relative > 0 && relative < 1)) {
      throw new IllegalArgumentException(
          "tolerance: found " + relative + ", expected a number between 0 and 1");
    }
    return new Lanczos(end, relative, cap, starts, memoryBytes, seed, certified, earlier, listener);
  }

  /**
   * The most steps.
   *
   * @param steps products of each start, at least 1
   * @return changed settings
   */
  public Lanczos withCap(int steps) {
    requirePositive("cap", steps);
    return new Lanczos(
        end, tolerance, steps, starts, memoryBytes, seed, certified, earlier, listener);
  }

  /**
   * Independent start vectors, whose products are made in one batch: failures of the probabilistic
   * bounds multiply, and the density gets as many samples.
   *
   * @param count at least 1
   * @return changed settings
   */
  public Lanczos withStarts(int count) {
    requirePositive("starts", count);
    return new Lanczos(end, tolerance, cap, count, memoryBytes, seed, certified, earlier, listener);
  }

  /**
   * Memory of the bases; when they are full, the spaces are thick-restarted.
   *
   * @param bytes a positive number, or 0 for the device's default limit
   * @return changed settings
   */
  public Lanczos withMemory(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes: found " + bytes + ", expected at least 0");
    }
    return new Lanczos(end, tolerance, cap, starts, bytes, seed, certified, earlier, listener);
  }

  /**
   * Fixes the start vectors.
   *
   * @param value any number
   * @return changed settings
   */
  public Lanczos withSeed(long value) {
    return new Lanczos(
        end, tolerance, cap, starts, memoryBytes, value, certified, earlier, listener);
  }

  /**
   * Whether a negative Ritz value is certified by one quadratic form in float64, if the operator
   * has one. A run that stops on convergence then also goes on until the bound is as close to the
   * value as the tolerance, or a thousandth of the largest Ritz value.
   *
   * @param wanted true to certify
   * @return changed settings
   */
  public Lanczos withCertificate(boolean wanted) {
    return new Lanczos(end, tolerance, cap, starts, memoryBytes, seed, wanted, earlier, listener);
  }

  /**
   * Starts from the sum of earlier Ritz vectors, plus a fresh random part of a tenth of the squared
   * norm, without which a direction that is new could never be seen. Pays when the operator has
   * changed little. The bounds hold if the seed differs from the seeds that the earlier vectors
   * came from; there is no quadrature of the density.
   *
   * @param vectors of the same dimension, orthonormal
   * @return changed settings
   */
  public Lanczos startingFrom(Vectors vectors) {
    return new Lanczos(
        end, tolerance, cap, starts, memoryBytes, seed, certified, vectors, listener);
  }

  /**
   * Tells a listener after each step how far the run is. It is called on the thread of the run,
   * changes nothing of the result, and ends the run if it throws.
   *
   * @param told receives the progress
   * @return changed settings
   */
  public Lanczos withListener(Consumer<Progress> told) {
    Objects.requireNonNull(told, "told");
    return new Lanczos(end, tolerance, cap, starts, memoryBytes, seed, certified, earlier, told);
  }

  /**
   * How far a run is. The eigenvalues are those of the last look at them, which not every step
   * takes; a run of a fixed number of steps never looks.
   *
   * @param steps made so far, for each start
   * @param cap the most steps
   * @param tolerance residual, as part of the value, at which an eigenvalue counts as converged
   * @param min the smallest eigenvalue so far, if it was looked at
   * @param max the largest eigenvalue so far, if it was looked at
   */
  public record Progress(
      int steps,
      int cap,
      double tolerance,
      Optional<ExtremeEigenvalue> min,
      Optional<ExtremeEigenvalue> max) {}

  private static void requirePositive(String argument, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(argument + ": found " + value + ", expected at least 1");
    }
  }

  /**
   * What a run found.
   *
   * @param min the smallest eigenvalue
   * @param max the largest eigenvalue
   * @param verdict on the sign of the smallest
   * @param eigenvalues the Ritz values that have converged, ascending; values that the residuals
   *     and the noise floor do not tell apart, copies of one eigenvalue or a true multiple one, are
   *     one entry
   * @param ritz all Ritz values of the start that came closest to the smallest eigenvalue,
   *     ascending
   * @param density of the spectrum, from the quadratures of all starts; empty after a warm start
   * @param vectors Ritz vectors, if some were to be kept: orthonormal, those of the lowest {@code
   *     (k + 1) / 2} and of the highest {@code k / 2} values of {@code ritz} for k of them,
   *     ascending
   * @param steps products of each start
   * @param products number of products made
   * @param restarts how often the bases were full
   * @param exhausted whether a Krylov space became invariant, so that its Ritz values are
   *     eigenvalues up to rounding; eigenvalues that rounding hides from it are in the bounds
   */
  public record Result(
      ExtremeEigenvalue min,
      ExtremeEigenvalue max,
      Verdict verdict,
      List<RitzValue> eigenvalues,
      List<RitzValue> ritz,
      Optional<SpectralDensity> density,
      Optional<Vectors> vectors,
      int steps,
      int products,
      int restarts,
      boolean exhausted) {

    Result with(Vectors kept) {
      return new Result(
          min,
          max,
          verdict,
          eigenvalues,
          ritz,
          density,
          Optional.of(kept),
          steps,
          products,
          restarts,
          exhausted);
    }
  }

  /**
   * Runs on an operator, which is taken to be symmetric and the same at every product; {@link
   * dynaxx.operator.Consistency} checks that.
   *
   * @param operator a symmetric operator
   * @return both ends with residuals and bounds
   * @throws NonFiniteException if a product holds NaN or infinity
   * @throws IllegalArgumentException if the memory limit leaves no room for a basis, or earlier
   *     vectors have another dimension
   */
  public Result run(SymmetricOperator operator) {
    try (LanczosRun run = new LanczosRun(this, operator)) {
      return run.result();
    }
  }

  /**
   * Runs on an operator and keeps Ritz vectors.
   *
   * @param operator a symmetric operator
   * @param vectors how many Ritz vectors to keep, at least 1; half from each end, fewer if there
   *     are not as many
   * @param scope owns the vectors
   * @return the result with the vectors
   * @throws NonFiniteException if a product holds NaN or infinity
   * @throws IllegalArgumentException as for {@link #run(SymmetricOperator)}
   */
  public Result run(SymmetricOperator operator, int vectors, Scope scope) {
    requirePositive("vectors", vectors);
    try (LanczosRun run = new LanczosRun(this, operator)) {
      return run.result().with(run.pairs(vectors, scope).vectors());
    }
  }

  /** The end that has to converge, or null for a fixed number of steps. */
  End end() {
    return end;
  }

  double tolerance() {
    return tolerance;
  }

  /**
   * The most steps.
   *
   * @return products of each start
   */
  public int cap() {
    return cap;
  }

  /**
   * The random start vectors.
   *
   * @return how many, at least 1
   */
  public int starts() {
    return starts;
  }

  long memoryBytes() {
    return memoryBytes;
  }

  long seed() {
    return seed;
  }

  boolean certified() {
    return certified;
  }

  Consumer<Progress> listener() {
    return listener;
  }

  /** Pairs of a warm start, or null. */
  Vectors earlier() {
    return earlier;
  }

  /**
   * An eigenvalue of the operator restricted to a Krylov space. Some eigenvalue of the operator
   * lies within {@code residual} of {@code value}; the smallest Ritz value is never below the
   * smallest eigenvalue, and the largest never above the largest, beyond rounding.
   *
   * @param value the Ritz value
   * @param residual norm of {@code H y - value y} for its normalised Ritz vector y: {@code |beta_m
   *     s_mi|}, but not less than the rounding of the products, 16 units of roundoff times the
   *     largest Ritz value
   */
  public record RitzValue(double value, double residual) {}

  /**
   * What is known of the smallest or the largest eigenvalue. The value is a Rayleigh quotient, so
   * the smallest eigenvalue is never above it and the largest never below it, beyond the noise
   * floor; the bound limits the other side with {@link #PROBABILITY}.
   *
   * @param value Ritz value, or Rayleigh quotient of a stored vector
   * @param residual norm of {@code H y - value y} for its normalised vector y: some eigenvalue lies
   *     within this distance; empty if no product was made to measure it
   * @param bound the smallest eigenvalue is at least, the largest at most this, with 99 %
   *     probability over the random start vectors; includes the noise floor; empty without a
   *     Lanczos run
   * @param noiseFloor absolute error that the arithmetic of the products can cause
   * @param converged whether the residual met the tolerance that was asked for, or the noise floor
   */
  public record ExtremeEigenvalue(
      double value,
      OptionalDouble residual,
      OptionalDouble bound,
      double noiseFloor,
      boolean converged) {

    /** Probability that a bound holds. */
    public static final double PROBABILITY = 0.99;

    /**
     * Value, residual and bound in one line.
     *
     * @return for example {@code -0.0314 (residual 2e-04, bound -0.033 at 99 %)}
     */
    @Override
    public String toString() {
      StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%.4g (", value));
      residual.ifPresentOrElse(
          r -> text.append(String.format(Locale.ROOT, "residual %.0e", r)),
          () -> text.append("stored vector"));
      bound.ifPresent(b -> text.append(String.format(Locale.ROOT, ", bound %.4g at 99 %%", b)));
      return text.append(residual.isPresent() && !converged ? ", not converged)" : ")").toString();
    }
  }
}
