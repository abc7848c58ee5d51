package dynaxx.device;

import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import dynaxx.random.Philox;
import java.util.Arrays;
import java.util.List;

/** Algebra on whole vectors and blocks of vectors, as Lanczos and Hutchinson need it. */
public interface Algebra {

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
   * Products with a diagonal matrix: {@code y_i[j] = diagonal[j] x_i[j]}.
   *
   * @param diagonal n values
   * @param x k vectors of n values
   * @param y receives as many; must not overlap x
   */
  void multiply(Buffer diagonal, Vectors x, Vectors y);

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
   * One Lanczos step of several runs at once: makes each vector orthogonal to the first vectors of
   * its run's basis by classical Gram-Schmidt, repeated at least when a pass leaves less than
   * sqrt(1/2) of it (Daniel, Gragg, Kaufman and Stewart, 1976), and puts what is left, normalised,
   * into the basis as the next vector, unless nothing is left.
   *
   * @param bases an orthonormal basis for each run, with room for one more vector
   * @param counts how many vectors of each basis there are
   * @param w a vector for each run, outside of the bases, overwritten with what is left of it
   * @param before receives the squared norm of each vector
   * @param after receives the squared norm of what is left of each
   * @return for each vector, its components along the basis
   */
  default double[][] orthonormalise(
      List<Vectors> bases, int[] counts, Vectors w, double[] before, double[] after) {
    double[][] components = new double[counts.length][];
    for (int i = 0; i < counts.length; i++) {
      Buffer rest = w.vector(i);
      double[] c = project(bases.get(i), counts[i], rest);
      after[i] = dot(rest, rest);
      before[i] = after[i] + Arrays.stream(c).map(x -> x * x).sum();
      if (Math.sqrt(after[i]) < Math.sqrt(0.5) * Math.sqrt(before[i])) {
        double[] again = project(bases.get(i), counts[i], rest);
        Arrays.setAll(c, j -> c[j] + again[j]);
        after[i] = dot(rest, rest);
      }
      if (after[i] > 0) {
        axpby(1 / Math.sqrt(after[i]), rest, 0, bases.get(i).vector(counts[i]));
      }
      components[i] = c;
    }
    return components;
  }

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
   * Fills a vector with independent standard normal values of {@link Philox}: elements 4 j to 4 j +
   * 3 are those of block j of the stream, by the Box-Muller transform in float64, rounded to
   * float32. The bits are the same on every device.
   *
   * @param seed key of the generator
   * @param stream which independent vector
   * @param x the vector to fill
   */
  void gaussian(long seed, long stream, Buffer x);

  /**
   * Dot products with parts of Rademacher probes, which need not be stored for it: {@code sum over
   * j from offset to below offset + size of Philox.sign(seed, first + i, j) x_i[j]} in float64.
   *
   * @param seed key of the generator
   * @param first index of the first probe
   * @param x vector i is multiplied with probe i
   * @param offset where the part begins in each vector
   * @param size elements of the part
   * @return one sum for each vector
   */
  double[] probeDots(long seed, long first, Vectors x, long offset, long size);

  /**
   * Squared Euclidean distance {@code sum over j of (a_j - b_j)^2} in float64.
   *
   * @param a first vector
   * @param b second vector, same size
   * @return the squared distance
   */
  double squaredDistance(Buffer a, Buffer b);
}
