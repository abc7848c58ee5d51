package dynaxx.backend.cpu;

/**
 * Coefficients for the upper tail of the normal distribution: {@code Phi(-t) = phi(t) h(u) / (t +
 * 3)} with {@code u = (t - 3) / (t + 3)} and t at least 0, where h is the polynomial below: a
 * Chebyshev fit of the Mills ratio, relative error below 6e-8 on the whole half axis. It keeps the
 * relative accuracy of GELU in the left tail, which {@code 1 + erf(x)} cannot.
 */
final class Mills {

  static final float SHIFT = 3f;

  /** Lowest power first. */
  static final float[] H = {
    1.8275418281555176f,
    -1.276706337928772f,
    0.5765679478645325f,
    -0.11846249550580978f,
    -0.026215102523565292f,
    0.017430869862437248f,
    0.0025247952435165644f,
    -0.002514066407456994f,
    -0.0005371139268390834f,
    0.00028088464750908315f,
    8.886156865628436e-05f
  };

  static final float SQRT_2_OVER_PI = 0.7978845608028654f;
  static final float ONE_OVER_SQRT_2PI = 0.3989422804014327f;
  static final float CUBIC = 0.044715f;

  /** Beyond this the normal density is 0 in float32. */
  static final float FAR = 20f;

  private Mills() {}
}
