package dynaxx.kernel;

import dynaxx.memory.Buffer;

/** Sums, products and dropout, element by element. Conventions are those of {@link Kernels}. */
public interface ElementwiseKernels {

  /**
   * {@code y = a + b}; the output may be an input.
   *
   * @param n number of elements
   * @param a first summand
   * @param b second summand
   * @param y the sum
   */
  void add(long n, Buffer a, Buffer b, Buffer y);

  /**
   * {@code y (+)= a b} elementwise for k directions.
   *
   * @param k directions
   * @param n elements of each direction
   * @param a factor shared by all directions
   * @param b factor of each direction
   * @param y product of each direction
   * @param add whether to add
   */
  void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add);

  /**
   * {@code c += alpha sum over i of a_i b_i} for each direction.
   *
   * @param k directions
   * @param n elements of each direction
   * @param alpha factor
   * @param a run i is the factor of direction i; stride 0 shares it
   * @param b k x n
   * @param c one sum for each direction
   */
  void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c);

  /**
   * {@code c += alpha sum over i of a_i b_i d_i} for each direction, the products in float64.
   *
   * @param k directions
   * @param n elements of each direction
   * @param alpha factor
   * @param a factor shared by all directions
   * @param b k x n
   * @param d k x n
   * @param c one sum for each direction
   */
  void dots(int k, long n, double alpha, Buffer a, Buffer b, Buffer d, Scalars c);

  /**
   * {@code y (+)= alpha b c / a} elementwise for k directions, in float64 until the end: neither
   * {@code 1 / a} nor a product need be in the range of an element.
   *
   * @param k directions
   * @param n elements of each direction
   * @param alpha factor
   * @param a divisor shared by all directions
   * @param b factor of each direction
   * @param c factor shared by all directions, or null
   * @param y quotient of each direction; may be b
   * @param add whether to add
   */
  void divide(int k, long n, double alpha, Buffer a, Buffer b, Buffer c, Buffer y, boolean add);

  /**
   * Inverted dropout: {@code y (+)= x m}, where m is 0 with probability {@code rate} and else
   * {@code 1 / (1 - rate)}: element i is kept if the 24 high bits of word {@code i % 4} of Philox
   * block {@code i / 4} of the stream, as a fraction, are at least {@code rate}.
   *
   * @param n number of elements
   * @param rate from 0 to below 1
   * @param seed key
   * @param stream which mask
   * @param x input
   * @param y output
   * @param add whether to add
   */
  void dropout(long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add);
}
