package dynaxx.network;

import dynaxx.memory.Buffer;
import dynaxx.network.op.LossFrame;
import dynaxx.network.op.LossRoot;
import dynaxx.random.Philox;
import java.util.Arrays;

/**
 * A root that is computed on the host in float64, example by example.
 *
 * @param f the batch
 * @param columns of each example's block
 * @param block the root of an example's Hessian
 */
record HostRoot(LossFrame f, int columns, Block block) implements LossRoot {

  /** What is left of a block when no pivot is left, as part of its largest entry. */
  private static final double ROUNDING = 1e-10;

  /** Predictions that a loss couples, up to which their Hessian is decomposed. */
  private static final int MOST = 1024;

  /** The root of one example's Hessian. */
  interface Block {
    /** Writes {@code dz = S r}. */
    void times(int example, double[] r, double[] dz);
  }

  /**
   * The root of a loss of single examples: of blocks of predictions that it couples.
   *
   * @param loss the loss
   * @param f the batch
   * @param terms the loss of an example
   * @param targets target values of an example
   * @param weighted whether the last of these is its weight
   */
  static HostRoot of(Loss loss, LossFrame f, Terms terms, int targets, boolean weighted) {
    loss.requireSeparateExamples("root of the loss's Hessian");
    int size = Math.toIntExact(f.output().size());
    int block =
        switch (terms) {
          case ElementTerms _ -> 1;
          case RowTerms rows -> rows.size();
          default -> size;
        };
    if (block > MOST) {
      throw new IllegalArgumentException(
          "loss: found "
              + block
              + " predictions that "
              + loss.name()
              + " couples, expected at most "
              + MOST
              + " for a root of its Hessian");
    }
    double[] z = HostArrays.read(f.device(), f.z(), (long) f.examples() * size);
    double[] t = HostArrays.read(f.device(), f.targets(), (long) f.examples() * targets);
    double[][][][] roots = new double[f.examples()][][][];
    for (int e = 0; e < roots.length; e++) {
      double weight = weighted ? t[(e + 1) * targets - 1] : 1;
      double factor = factor(loss.name(), f.scale() * weight);
      if (factor != 0) {
        double[] own = Arrays.copyOfRange(z, e * size, (e + 1) * size);
        double[] given = Arrays.copyOfRange(t, e * targets, (e + 1) * targets);
        roots[e] = roots(loss.name(), terms.hessian(own, given), size, block, factor);
      }
    }
    return new HostRoot(
        f,
        size,
        (example, r, dz) -> {
          Arrays.fill(dz, 0);
          for (int b = 0; b < size / block && roots[example] != null; b++) {
            addColumns(roots[example][b], r, b * block, dz);
          }
        });
  }

  private static void addColumns(double[][] columns, double[] r, int at, double[] dz) {
    for (int j = 0; j < columns.length; j++) {
      for (int i = 0; i < columns.length && r[at + j] != 0; i++) {
        dz[at + i] += r[at + j] * columns[j][i];
      }
    }
  }

  /** Roots of the blocks of a Hessian; one product gives a column of all of them. */
  private static double[][][] roots(
      String name, Terms.Product hessian, int size, int block, double factor) {
    double[][][] blocks = new double[size / block][block][block];
    double[] hv = new double[size];
    for (int j = 0; j < block; j++) {
      double[] v = new double[size];
      for (int i = j; i < size; i += block) {
        v[i] = 1;
      }
      hessian.apply(v, hv);
      for (int i = 0; i < size; i++) {
        blocks[i / block][i % block][j] = hv[i];
      }
    }
    for (int b = 0; b < blocks.length; b++) {
      blocks[b] = cholesky(name, blocks[b]);
      for (double[] column : blocks[b]) {
        Arrays.setAll(column, i -> factor * column[i]);
      }
    }
    return blocks;
  }

  /** Square root of a factor of a Hessian that must not turn its sign. */
  static double factor(String what, double factor) {
    if (!(factor >= 0)) {
      throw new IllegalArgumentException(
          "loss: found the factor "
              + factor
              + " of "
              + what
              + ", expected none below 0: the loss must be convex in the predictions");
    }
    return Math.sqrt(factor);
  }

  @Override
  public void column(int j, Buffer dz) {
    double[] unit = new double[columns];
    unit[j] = 1;
    write(dz, e -> unit);
  }

  @Override
  public void sample(long seed, long stream, double factor, Buffer dz) {
    double[] signs = new double[columns];
    write(
        dz,
        e -> {
          sign(seed, stream + e, factor, signs);
          return signs;
        });
  }

  /** Element j is {@code factor Philox.sign(seed, stream, j)}. */
  private static void sign(long seed, long stream, double factor, double[] signs) {
    int[] words = new int[4];
    for (int from = 0; from < signs.length; from += Philox.SIGNS_PER_BLOCK) {
      Philox.words(seed, stream, from / Philox.SIGNS_PER_BLOCK, words);
      int count = Math.min(Philox.SIGNS_PER_BLOCK, signs.length - from);
      for (int i = 0; i < count; i++) {
        signs[from + i] = (words[i >>> 5] >>> (i & 31) & 1) == 0 ? -factor : factor;
      }
    }
  }

  private interface Combination {
    double[] of(int example);
  }

  private void write(Buffer dz, Combination combination) {
    int size = Math.toIntExact(f.output().size());
    double[] all = new double[Math.multiplyExact(f.examples(), size)];
    double[] part = new double[size];
    for (int e = 0; e < f.examples(); e++) {
      block.times(e, combination.of(e), part);
      System.arraycopy(part, 0, all, e * size, size);
    }
    HostArrays.write(f.device(), all, dz);
  }

  /**
   * Cholesky's factor of a semidefinite matrix, with complete pivoting (Higham, 1990).
   *
   * @param what whose Hessian it is, for the message
   * @param h m rows of m values, overwritten
   * @return m columns, of which the last are zero if the rank is less
   * @throws IllegalArgumentException if the matrix has a negative eigenvalue
   */
  private static double[][] cholesky(String what, double[][] h) {
    int m = h.length;
    double[][] columns = new double[m][m];
    double scale = 0;
    for (double[] row : h) {
      scale = Math.max(scale, Arrays.stream(row).map(Math::abs).max().orElse(0));
    }
    for (int k = 0; k < m; k++) {
      int pivot = 0;
      for (int i = 1; i < m; i++) {
        pivot = h[i][i] > h[pivot][pivot] ? i : pivot;
      }
      if (h[pivot][pivot] <= ROUNDING * scale) {
        break;
      }
      double root = Math.sqrt(h[pivot][pivot]);
      double[] column = columns[k];
      for (int i = 0; i < m; i++) {
        column[i] = h[i][pivot] / root;
      }
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < m; j++) {
          h[i][j] -= column[i] * column[j];
        }
      }
      for (int i = 0; i < m; i++) {
        h[i][pivot] = 0;
        h[pivot][i] = 0;
      }
    }
    for (double[] row : h) {
      for (double rest : row) {
        if (!(Math.abs(rest) <= Math.sqrt(ROUNDING) * scale)) {
          throw new IllegalArgumentException(
              "loss: found a Hessian of "
                  + what
                  + " by the predictions that is not semidefinite, expected a loss that is convex"
                  + " in the predictions");
        }
      }
    }
    return columns;
  }
}
