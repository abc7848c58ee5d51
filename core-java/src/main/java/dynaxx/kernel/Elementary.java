package dynaxx.kernel;

import dynaxx.layer.Activation;
import java.util.Locale;

/**
 * An elementary function that is not among the {@link Activation}s. At a kink the derivative is
 * that of PyTorch; second derivatives are those next to the kink.
 *
 * @param kind which function
 * @param a first constant, for kinds that have one
 * @param b second constant, for kinds that have two
 */
public record Elementary(Kind kind, double a, double b) implements Pointwise {

  /** Which function, with constants a and b. */
  public enum Kind {
    /** {@code exp(x)}. */
    EXP,
    /** {@code log(x)}. */
    LOG,
    /** {@code sqrt(x)}. */
    SQRT,
    /** {@code 1 / x}. */
    RECIPROCAL,
    /** {@code x^a}; for a negative x defined if a is a whole number. */
    POWER,
    /** {@code |x|}; derivative 0 at 0. */
    ABS,
    /** Error function {@code 2 / sqrt(pi)} times the integral of {@code exp(-t^2)} from 0 to x. */
    ERF,
    /** {@code a x + b}. */
    AFFINE,
    /** x limited to a at least and b at most; derivative 1 at both limits. */
    CLIP,
    /** x if positive, else {@code a x}; derivative a at 0. */
    LEAKY_RELU,
    /** x if positive, else {@code a (exp(x) - 1)} (Clevert et al., 2015). */
    ELU,
    /** {@code a x + b} limited to 0 at least and 1 at most; derivative 0 at both limits. */
    HARD_SIGMOID,
    /** {@code x / (1 + |x|)}. */
    SOFTSIGN,
    /** {@code sin(x)}. */
    SIN,
    /** {@code cos(x)}. */
    COS,
    /** {@code tan(x)}. */
    TAN,
    /** {@code arcsin(x)}, for x from -1 to 1. */
    ASIN,
    /** {@code arccos(x)}, for x from -1 to 1. */
    ACOS,
    /** {@code arctan(x)}. */
    ATAN,
    /** {@code sinh(x)}. */
    SINH,
    /** {@code cosh(x)}. */
    COSH,
    /** {@code arsinh(x)}. */
    ASINH,
    /** {@code arcosh(x)}, for x from 1 on. */
    ACOSH,
    /** {@code artanh(x)}, for x between -1 and 1. */
    ATANH,
    /** 1 where x is positive, else 0; derivative 0, NaN counts as not positive. */
    STEP,
    /** Largest whole number up to x; derivative 0. */
    FLOOR,
    /** Nearest whole number, the even one of two; derivative 0. */
    ROUND
  }

  /** {@code exp(x)}. */
  public static final Elementary EXP = of(Kind.EXP);

  /** {@code log(x)}. */
  public static final Elementary LOG = of(Kind.LOG);

  /** {@code sqrt(x)}. */
  public static final Elementary SQRT = of(Kind.SQRT);

  /** {@code 1 / x}. */
  public static final Elementary RECIPROCAL = of(Kind.RECIPROCAL);

  /** {@code |x|}. */
  public static final Elementary ABS = of(Kind.ABS);

  /** Error function. */
  public static final Elementary ERF = of(Kind.ERF);

  /** {@code -x}. */
  public static final Elementary NEGATE = affine(-1, 0);

  /** {@code x / (1 + |x|)}. */
  public static final Elementary SOFTSIGN = of(Kind.SOFTSIGN);

  /** {@code sin(x)}. */
  public static final Elementary SIN = of(Kind.SIN);

  /** {@code cos(x)}. */
  public static final Elementary COS = of(Kind.COS);

  /** {@code tan(x)}. */
  public static final Elementary TAN = of(Kind.TAN);

  /** {@code arcsin(x)}. */
  public static final Elementary ASIN = of(Kind.ASIN);

  /** {@code arccos(x)}. */
  public static final Elementary ACOS = of(Kind.ACOS);

  /** {@code arctan(x)}. */
  public static final Elementary ATAN = of(Kind.ATAN);

  /** {@code sinh(x)}. */
  public static final Elementary SINH = of(Kind.SINH);

  /** {@code cosh(x)}. */
  public static final Elementary COSH = of(Kind.COSH);

  /** {@code arsinh(x)}. */
  public static final Elementary ASINH = of(Kind.ASINH);

  /** {@code arcosh(x)}. */
  public static final Elementary ACOSH = of(Kind.ACOSH);

  /** {@code artanh(x)}. */
  public static final Elementary ATANH = of(Kind.ATANH);

  /** 1 where x is positive, else 0; derivative 0. */
  public static final Elementary STEP = of(Kind.STEP);

  /** Largest whole number up to x; derivative 0. */
  public static final Elementary FLOOR = of(Kind.FLOOR);

  /** Nearest whole number, the even one of two; derivative 0. */
  public static final Elementary ROUND = of(Kind.ROUND);

  private static Elementary of(Kind kind) {
    return new Elementary(kind, 0, 0);
  }

  /**
   * Power with a constant exponent.
   *
   * @param exponent any number
   * @return {@code x^exponent}
   */
  public static Elementary power(double exponent) {
    return new Elementary(Kind.POWER, exponent, 0);
  }

  /**
   * Scaled and shifted.
   *
   * @param factor of x
   * @param shift added
   * @return {@code factor x + shift}
   */
  public static Elementary affine(double factor, double shift) {
    return new Elementary(Kind.AFFINE, factor, shift);
  }

  /**
   * Limited.
   *
   * @param least lower limit, may be minus infinity
   * @param most upper limit, at least the lower one, may be infinity
   * @return x between both
   */
  public static Elementary clip(double least, double most) {
    if (!(least <= most)) {
      throw new IllegalArgumentException(
          "clip: found limits " + least + " and " + most + ", expected an interval");
    }
    return new Elementary(Kind.CLIP, least, most);
  }

  /**
   * Leaky ReLU (Maas et al., 2013).
   *
   * @param slope for negative x, usually 0.01
   * @return x if positive, else slope times x
   */
  public static Elementary leakyRelu(double slope) {
    return new Elementary(Kind.LEAKY_RELU, slope, 0);
  }

  /**
   * Exponential linear unit (Clevert et al., 2015).
   *
   * @param alpha minus the limit for small x, usually 1
   * @return x if positive, else {@code alpha (exp(x) - 1)}
   */
  public static Elementary elu(double alpha) {
    return new Elementary(Kind.ELU, alpha, 0);
  }

  /**
   * Piecewise linear sigmoid.
   *
   * @param slope usually 1/6 (PyTorch) or 0.2 (ONNX)
   * @param shift usually 0.5
   * @return {@code slope x + shift} between 0 and 1
   */
  public static Elementary hardSigmoid(double slope, double shift) {
    return new Elementary(Kind.HARD_SIGMOID, slope, shift);
  }

  @Override
  public String label() {
    return kind.name().toLowerCase(Locale.ROOT);
  }
}
