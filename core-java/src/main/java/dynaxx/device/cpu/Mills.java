package dynaxx.device.cpu;

/**
 * Coefficients for the upper tail of the normal distribution: {@code Phi(-t) = phi(t) h(u) / (t +
 * 3)} with {@code u = (t - 3) / (t + 3)} and t at least 0, where h is a polynomial: a Chebyshev fit
 * of the Mills ratio. It keeps the relative accuracy of GELU in the left tail, which {@code 1 +
 * erf(x)} cannot.
 */
final class Mills {

  static final float SHIFT = 3f;

  /** For float32, lowest power first: relative error below 6e-8 on the whole half axis. */
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

  /** For float64, lowest power first: relative error below 3e-16 on the whole half axis. */
  private static final double[] WIDE = {
    1.8275417922606199,
    -1.2767059470482247,
    0.5765689205544887,
    -0.11847083516796027,
    -0.026226518313778945,
    0.017477769549462282,
    0.0025757917977631195,
    -0.002621503594928623,
    -0.0006431388454024207,
    0.0003870095334435379,
    0.00019755281313125057,
    -3.320297383123327e-05,
    -5.185425656010188e-05,
    -8.816877234915424e-06,
    9.107502751943966e-06,
    5.652608975272569e-06,
    5.180160159040075e-08,
    -1.4753184875512024e-06,
    -7.236802441427023e-07,
    8.533490786173618e-08,
    2.675688099181777e-07,
    8.645222796079935e-08,
    -4.4655987344210306e-08,
    -3.2740379654237885e-08,
    7.790752406315652e-10,
    4.268779637683514e-09,
    6.469817626542739e-10
  };

  static final float SQRT_2_OVER_PI = 0.7978845608028654f;
  static final float ONE_OVER_SQRT_2PI = 0.3989422804014327f;
  static final float CUBIC = 0.044715f;

  /** Beyond this the normal density is 0 in float32. */
  static final float FAR = 20f;

  private Mills() {}

  /** h in float64; even and odd powers apart, since one chain of products would wait for each. */
  static double h(double u) {
    double square = u * u;
    double even = WIDE[WIDE.length - 1];
    double odd = 0;
    for (int i = WIDE.length - 2; i > 0; i -= 2) {
      odd = odd * square + WIDE[i];
      even = even * square + WIDE[i - 1];
    }
    return even + u * odd;
  }
}
