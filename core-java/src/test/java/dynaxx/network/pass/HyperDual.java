package dynaxx.network.pass;

/**
 * A number a + b e1 + c e2 + d e1 e2 with e1^2 = e2^2 = 0 (Fike and Alonso, 2011): nested dual
 * numbers. For f evaluated at x + v e1 + u e2, b is the derivative along v, c along u, and d is
 * u'Hv, all exact to rounding.
 */
public record HyperDual(double a, double b, double c, double d) {

  static final HyperDual ZERO = of(0);

  static HyperDual of(double value) {
    return new HyperDual(value, 0, 0, 0);
  }

  HyperDual plus(HyperDual o) {
    return new HyperDual(a + o.a, b + o.b, c + o.c, d + o.d);
  }

  HyperDual minus(HyperDual o) {
    return plus(o.times(-1));
  }

  HyperDual times(double s) {
    return new HyperDual(a * s, b * s, c * s, d * s);
  }

  HyperDual times(HyperDual o) {
    return new HyperDual(
        a * o.a, a * o.b + b * o.a, a * o.c + c * o.a, a * o.d + b * o.c + c * o.b + d * o.a);
  }

  /** Chain rule for a function with value f, first derivative f1 and second derivative f2 at a. */
  HyperDual chain(double f, double f1, double f2) {
    return new HyperDual(f, f1 * b, f1 * c, f1 * d + f2 * b * c);
  }

  HyperDual exp() {
    double e = Math.exp(a);
    return chain(e, e, e);
  }

  HyperDual log() {
    return chain(Math.log(a), 1 / a, -1 / (a * a));
  }

  HyperDual power(double p) {
    double f = Math.pow(a, p);
    return chain(f, p * f / a, p * (p - 1) * f / (a * a));
  }

  HyperDual over(HyperDual o) {
    return times(o.power(-1));
  }
}
