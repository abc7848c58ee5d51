package dynaxx.spectrum;

import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * What may be said about the sign of the smallest eigenvalue. A negative Rayleigh quotient beyond
 * the noise of the arithmetic proves a negative eigenvalue; that there is none is never proved,
 * only limited with a probability.
 */
public sealed interface Verdict {

  /**
   * NEGATIVE: there is a negative eigenvalue.
   *
   * @param upperBound the smallest eigenvalue is at most this
   * @param certified true if the proof is a quadratic form in float64, false if it rests on the
   *     noise floor of the products
   */
  record Negative(double upperBound, boolean certified) implements Verdict {
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT, "NEGATIVE (%.3g%s)", upperBound, certified ? ", certified in float64" : "");
    }
  }

  /**
   * NEGATIVE_WITHIN_NOISE: the Ritz value has converged and is negative, but not beyond what
   * rounding can cause: only more digits could tell.
   *
   * @param value the Ritz value
   * @param noiseFloor error that the arithmetic can cause
   */
  record NegativeWithinNoise(double value, double noiseFloor) implements Verdict {
    @Override
    public String toString() {
      return String.format(Locale.ROOT, "NEGATIVE_WITHIN_NOISE (%.1e)", noiseFloor);
    }
  }

  /**
   * NOT_NEGATIVE_AT: no eigenvalue lies below {@code -epsilon}, with a probability.
   *
   * @param epsilon at least 0
   * @param probability over the random start vectors
   */
  record NotNegativeAt(double epsilon, double probability) implements Verdict {
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT, "NOT_NEGATIVE_AT (%.1e, %.0f %%)", epsilon, 100 * probability);
    }
  }

  /** UNDECIDED: more products are needed to tell. */
  record Undecided() implements Verdict {
    @Override
    public String toString() {
      return "UNDECIDED";
    }
  }

  /**
   * Judges.
   *
   * @param min the smallest Ritz value
   * @param form quadratic form of its normalised vector in float64, or nothing
   * @param formError what rounding in float64 can make of it
   * @param epsilon the largest epsilon for which {@link NotNegativeAt} is worth saying
   * @return the verdict
   */
  static Verdict of(ExtremeEigenvalue min, OptionalDouble form, double formError, double epsilon) {
    if (form.isPresent() && form.getAsDouble() < -formError) {
      return new Negative(form.getAsDouble() + formError, true);
    }
    boolean beyondNoise = min.value() < -min.noiseFloor();
    if (form.isEmpty() && beyondNoise) {
      return new Negative(min.value() + min.noiseFloor(), false);
    }
    if (form.isEmpty() && min.value() < 0 && min.converged()) {
      return new NegativeWithinNoise(min.value(), min.noiseFloor());
    }
    double lowest = min.bound().orElse(Double.NEGATIVE_INFINITY);
    if (!beyondNoise && lowest >= -epsilon) {
      return new NotNegativeAt(Math.max(0, -lowest), ExtremeEigenvalue.PROBABILITY);
    }
    return new Undecided();
  }
}
