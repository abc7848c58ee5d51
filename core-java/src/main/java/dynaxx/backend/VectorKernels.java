package dynaxx.backend;

import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;

/** Algebra on whole vectors and blocks of vectors, as Lanczos and Hutchinson need it. */
public interface VectorKernels {

  /**
   * Sets every element.
   *
   * @param x destination
   * @param value the value
   */
  void fill(Buffer x, double value);

  /**
   * Copies a buffer to another of the same size.
   *
   * @param from source
   * @param to destination
   */
  void copy(Buffer from, Buffer to);

  /**
   * Dot product in float64.
   *
   * @param a first factor
   * @param b second factor, same size
   * @return the sum of products
   */
  double dot(Buffer a, Buffer b);

  /**
   * {@code y = alpha x + beta y}; with beta = 0, y is not read.
   *
   * @param alpha factor of x
   * @param x first summand
   * @param beta factor of y
   * @param y second summand and result, same size
   */
  void axpby(double alpha, Buffer x, double beta, Buffer y);

  /**
   * One pass of classical Gram-Schmidt: {@code c = Q w} in float64, then {@code w -= Q' c}, for the
   * first rows of a basis.
   *
   * @param basis orthonormal vectors, at least {@code count} of them
   * @param count how many of them to use; 0 does nothing
   * @param w the vector to make orthogonal to them
   * @return the coefficients c, {@code count} of them
   */
  double[] project(Vectors basis, int count, Buffer w);

  /**
   * Linear combination {@code y = sum over i of c_i basis_i}, accumulated in float64.
   *
   * @param basis vectors, at least as many as coefficients
   * @param coefficients one factor for each of the first vectors
   * @param y result
   */
  void combine(Vectors basis, double[] coefficients, Buffer y);

  /**
   * Fills the block with Rademacher probes of {@link Philox}: element j of vector i is {@code
   * Philox.sign(seed, first + i, j)}.
   *
   * @param seed key of the generator
   * @param first index of the first probe
   * @param v the block to fill
   */
  void rademacher(long seed, long first, Vectors v);

  /**
   * Squared Euclidean distance {@code sum over j of (a_j - b_j)^2} in float64.
   *
   * @param a first vector
   * @param b second vector, same size
   * @return the squared distance
   */
  double squaredDistance(Buffer a, Buffer b);
}
