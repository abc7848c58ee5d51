package dynaxx.random;

/**
 * Independent standard normal values by the Box-Muller transform (1958) of {@link Philox}. The
 * logarithm, the sine and the cosine are polynomials in float64, evaluated with sums, products, one
 * division and one square root, each rounded on its own; so every device gets the same bits.
 */
public final class Gaussian {

  private static final double LN2 = 0x1.62e42fefa39efp-1;
  private static final double SQRT2 = 0x1.6a09e667f3bcdp0;

  /** Of an angle in units of a turn by 2^-32. */
  private static final double UNIT = 0x1.921fb54442d18p2 * 0x1p-32;

  /** Of artanh(s) / s in powers of s squared. */
  private static final double[] ARTANH = new double[12];

  private static final double[] SINE = new double[9];
  private static final double[] COSINE = new double[9];

  static {
    for (int i = 0; i < ARTANH.length; i++) {
      ARTANH[i] = 1.0 / (2 * i + 1);
    }
    double factorial = 1;
    for (int i = 0; i < SINE.length; i++) {
      int sign = i % 2 == 0 ? 1 : -1;
      COSINE[i] = sign / factorial;
      factorial *= 2 * i + 1;
      SINE[i] = sign / factorial;
      factorial *= 2 * i + 2;
    }
  }

  private Gaussian() {}

  /**
   * The two values of two words.
   *
   * @param a word that gives the radius
   * @param b word that gives the angle
   * @param to receives the cosine's value and then the sine's
   * @param at where
   */
  public static void pair(int a, int b, double[] to, int at) {
    double radius = Math.sqrt(-2 * logarithm(((a & 0xFFFFFFFFL) + 0.5) * 0x1p-32));
    int octant = b >>> 29;
    int rest = b & 0x1FFFFFFF;
    double x = ((octant & 1) == 0 ? rest : 0x20000000 - rest) * UNIT;
    double square = x * x;
    double sine = x * polynomial(SINE, square);
    double cosine = polynomial(COSINE, square);
    boolean swapped = (octant + 1 >> 1 & 1) == 1;
    double across = swapped ? sine : cosine;
    double up = swapped ? cosine : sine;
    to[at] = octant >= 2 && octant < 6 ? -radius * across : radius * across;
    to[at + 1] = octant >= 4 ? -radius * up : radius * up;
  }

  /** Of a number in (0, 1): 2 artanh of the rest after powers of two. */
  private static double logarithm(double u) {
    int exponent = Math.getExponent(u);
    double m = u * Double.longBitsToDouble((1023L - exponent) << 52);
    if (m > SQRT2) {
      m *= 0.5;
      exponent++;
    }
    double s = (m - 1) / (m + 1);
    return exponent * LN2 + 2 * s * polynomial(ARTANH, s * s);
  }

  private static double polynomial(double[] coefficients, double x) {
    double sum = coefficients[coefficients.length - 1];
    for (int i = coefficients.length - 2; i >= 0; i--) {
      sum = sum * x + coefficients[i];
    }
    return sum;
  }
}
