package dynaxx.network.op;

import dynaxx.function.Elementary;
import dynaxx.network.Network.Builder;
import dynaxx.network.Network.Node;
import dynaxx.network.Shape;

/** Elementwise arithmetic of two nodes whose shapes repeat to a common one. */
public final class Arithmetic {

  private Arithmetic() {}

  /**
   * Sum.
   *
   * @param g the network
   * @param a first summand
   * @param b second summand
   * @return {@code a + b}
   */
  public static Node add(Builder g, Node a, Node b) {
    return Broadcast.binary(g, new Add(), a, b);
  }

  /**
   * Difference.
   *
   * @param g the network
   * @param a from what
   * @param b how much
   * @return {@code a - b}
   */
  public static Node subtract(Builder g, Node a, Node b) {
    return Broadcast.binary(g, new Subtract(), a, b);
  }

  /**
   * Product.
   *
   * @param g the network
   * @param a first factor
   * @param b second factor
   * @return {@code a b}
   */
  public static Node multiply(Builder g, Node a, Node b) {
    return Broadcast.binary(g, new Multiply(), a, b);
  }

  /**
   * Quotient, as the product with the reciprocal, which is formed before it is repeated.
   *
   * @param g the network
   * @param a numerator
   * @param b denominator
   * @return {@code a / b}
   */
  public static Node divide(Builder g, Node a, Node b) {
    return multiply(g, a, g.add(new Activate(Elementary.RECIPROCAL), b));
  }

  /**
   * Power of a positive base, as {@code exp(b log a)}; for a constant exponent see {@link
   * Elementary#power}.
   *
   * @param g the network
   * @param a base
   * @param b exponent
   * @return {@code a^b}
   */
  public static Node power(Builder g, Node a, Node b) {
    Node exponent = multiply(g, b, g.add(new Activate(Elementary.LOG), a));
    return g.add(new Activate(Elementary.EXP), exponent);
  }

  /**
   * The larger one.
   *
   * @param g the network
   * @param a first
   * @param b second
   * @return the maximum, see {@link Extreme}
   */
  public static Node max(Builder g, Node a, Node b) {
    return Broadcast.binary(g, Extreme.max(), a, b);
  }

  /**
   * The smaller one.
   *
   * @param g the network
   * @param a first
   * @param b second
   * @return the minimum, see {@link Extreme}
   */
  public static Node min(Builder g, Node a, Node b) {
    return Broadcast.binary(g, Extreme.min(), a, b);
  }

  /**
   * Matrix product over the last two axes; the axes before repeat to common ones, as ONNX has it.
   *
   * @param g the network
   * @param a left factors, at least two axes
   * @param b right factors, at least two axes
   * @return the products
   */
  public static Node matmul(Builder g, Node a, Node b) {
    if (a.shape().rank() >= 2 && b.shape().rank() >= 2) {
      Shape lead = Broadcast.common(a.shape().leading(), b.shape().leading());
      a = Broadcast.to(g, lead.followedBy(a.shape().dim(-2), a.shape().dim(-1)), a);
      b = Broadcast.to(g, lead.followedBy(b.shape().dim(-2), b.shape().dim(-1)), b);
    }
    return g.add(new MatMul(), a, b);
  }
}
