package dynaxx.kernel;

import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.util.List;

/** Matrix products. */
public interface GemmKernels {

  /**
   * Batched product {@code C = alpha op(A) op(B) + beta C (+ bias)} for every member (i, j, l) of
   * the batch. With beta = 0, C is not read, so it may hold anything, NaN included.
   *
   * @param m rows of op(A) and C
   * @param n columns of op(B) and C
   * @param depth columns of op(A), rows of op(B); 0 is allowed
   * @param alpha factor of the product
   * @param a left factors
   * @param b right factors
   * @param beta factor of what C holds
   * @param c results, not transposed, no two members overlapping
   * @param bias n values added to every row of C, run i for members (i, *, *), or null for none
   * @param batch number of members along each of the three batch indices
   */
  void multiply(
      int m,
      int n,
      int depth,
      double alpha,
      Matrix a,
      Matrix b,
      double beta,
      Matrix c,
      Strided bias,
      Members batch);

  /**
   * A single product without bias.
   *
   * @param m rows of op(A) and C
   * @param n columns of op(B) and C
   * @param depth columns of op(A), rows of op(B)
   * @param alpha factor of the product
   * @param a left factor
   * @param b right factor
   * @param beta factor of what C holds
   * @param c result
   */
  default void multiply(
      int m, int n, int depth, double alpha, Matrix a, Matrix b, double beta, Matrix c) {
    multiply(m, n, depth, alpha, a, b, beta, c, null, Members.ONE);
  }

  /** Factors whose values stay the same over many products. */
  interface Fixed {

    /** Nothing is kept. */
    Fixed NONE =
        new Fixed() {
          @Override
          public void during(Runnable work) {
            work.run();
          }

          @Override
          public void changed() {
            // Nothing is kept.
          }
        };

    /**
     * Does work during which the factors have the values that they had since {@link #changed}.
     *
     * @param work calls kernels
     */
    void during(Runnable work);

    /** The factors have other values from now on. */
    void changed();
  }

  /**
   * Prepares for products of factors that stay the same: what the device makes of them may be kept.
   *
   * @param factors buffers whose values stay the same during {@link Fixed#during}
   * @param bytes memory that it may take
   * @param scope ends it
   * @return nothing is kept by default
   */
  default Fixed fix(List<Buffer> factors, long bytes, Scope scope) {
    return Fixed.NONE;
  }

  /**
   * Number of members along each batch index of a {@link Matrix} family.
   *
   * @param n0 along the first index
   * @param n1 along the second
   * @param n2 along the third
   */
  record Members(int n0, int n1, int n2) {
    /** A single member. */
    public static final Members ONE = new Members(1, 1, 1);

    /**
     * A family along the first index only.
     *
     * @param n how many
     * @return the batch
     */
    public static Members of(int n) {
      return new Members(n, 1, 1);
    }

    /**
     * All members.
     *
     * @return the product of the three numbers
     */
    public long size() {
      return (long) n0 * n1 * n2;
    }
  }
}
