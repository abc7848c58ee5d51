package dynaxx.device.cpu;

import dynaxx.kernel.AttentionKernels.Heads;
import dynaxx.kernel.AttentionKernels.Primal;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/**
 * Attention of some examples and heads as matrix products and loops over rows, for blocks of
 * queries whose scores are in scratch memory only. Blocks are taken from the last to the first,
 * because only the last queries of a causal head see all keys.
 *
 * @param gemm matrix products
 * @param rows of scores
 * @param scratch gives memory for so many values, valid until it is asked again
 */
record AttentionProducts<A>(GemmKernels gemm, AttentionRows<A> rows, LongFunction<Buffer> scratch) {

  /** Arrays of scores that a pass has at most. */
  private static final int ARRAYS = 4;

  /**
   * How a call is cut into parts.
   *
   * @param heads the call
   * @param examples of a part
   * @param keyHeads of a part; all if it has several examples
   * @param queries of a block
   */
  record Cut(Heads heads, int examples, int keyHeads, int queries) {

    private static final int LEAST_QUERIES = 32;

    /**
     * Parts whose scores fit into so many values, if 32 queries of a head do.
     *
     * @param h the call
     * @param values of scratch
     * @param tasks parts that there should be at least
     * @return the cut
     */
    static Cut of(Heads h, long values, int tasks) {
      long each = values / ARRAYS / h.group();
      long rows = Math.max(1, each / h.tokens());
      if (rows < h.tokens()) {
        long queries = Math.max(LEAST_QUERIES, rows / LEAST_QUERIES * LEAST_QUERIES);
        return new Cut(h, 1, 1, (int) Math.min(h.tokens(), queries));
      }
      long all = (long) h.examples() * h.keyHeads();
      long members = Math.clamp(all / tasks, 1, rows / h.tokens());
      if (members < h.keyHeads()) {
        return new Cut(h, 1, (int) members, h.tokens());
      }
      int examples = (int) Math.min(h.examples(), members / h.keyHeads());
      return new Cut(h, Math.max(1, examples), h.keyHeads(), h.tokens());
    }

    private int across() {
      return Math.ceilDiv(heads.keyHeads(), keyHeads);
    }

    /** Number of parts. */
    int parts() {
      return Math.multiplyExact(Math.ceilDiv(heads.examples(), examples), across());
    }

    /** One of them. */
    Part part(int index) {
      int example = index / across() * examples;
      int keyHead = index % across() * keyHeads;
      return new Part(
          heads,
          example,
          Math.min(examples, heads.examples() - example),
          keyHead,
          Math.min(keyHeads, heads.keyHeads() - keyHead),
          queries);
    }
  }

  /**
   * Some key heads of some examples, with all heads that share them.
   *
   * @param h the call
   * @param example the first
   * @param examples how many
   * @param keyHead the first
   * @param keyHeads how many
   * @param queries of a block
   */
  record Part(Heads h, int example, int examples, int keyHead, int keyHeads, int queries) {

    /** From the last queries to the first. */
    List<Block> blocks() {
      List<Block> blocks = new ArrayList<>();
      for (int first = 0; first < h.tokens(); first += queries) {
        int rows = Math.min(queries, h.tokens() - first);
        blocks.add(new Block(this, first, rows, h.causal() ? first + rows : h.tokens()));
      }
      return blocks.reversed();
    }

    /** The first head of queries. */
    int head() {
      return keyHead * h.group();
    }

    /** Heads of queries. */
    int heads() {
      return keyHeads * h.group();
    }
  }

  /**
   * One matrix for each batch index (direction, example, key head): that of the first head of a
   * group; the one of the next head is {@code next} elements further, or the same if that is 0.
   */
  private record Family(Matrix first, long next) {

    Matrix member(int head) {
      return first.at(head * next);
    }
  }

  /** Some queries of a part and the keys that they see. */
  record Block(Part part, int first, int rows, int cols) {

    Heads h() {
      return part.h;
    }

    long allRows() {
      return (long) part.examples * part.heads() * rows;
    }

    /** Values of one array of scores. */
    long scores() {
      return allRows() * cols;
    }

    boolean last() {
      return first + rows == h().tokens();
    }

    /** Keys that a query sees. */
    int seen(int query) {
      return h().causal() ? query + 1 : cols;
    }

    Members batch() {
      return new Members(1, part.examples, part.keyHeads);
    }

    Family query(Buffer x, long direction) {
      long stride = (long) h().group() * h().depth();
      long at = direction * h().in() + part.keyHead * stride + first * h().columns();
      return new Family(at(x, at, stride), h().depth());
    }

    Family key(Buffer x, long direction) {
      long stride = h().depth();
      long at = direction * h().in() + (h().heads() + part.keyHead) * stride;
      return new Family(at(x, at, stride), 0);
    }

    Family value(Buffer x, long direction) {
      Family keys = key(x, direction);
      return new Family(keys.first.at((long) h().keyHeads() * h().depth()), 0);
    }

    private Matrix at(Buffer x, long at, long stride) {
      long example = h().tokens() * h().columns();
      return Matrix.of(x, h().columns())
          .at(part.example * example + at)
          .batch(h().in(), example, stride);
    }

    Family output(Buffer y, long direction) {
      long stride = (long) h().group() * h().depth();
      long example = h().tokens() * h().width();
      long at = direction * h().out() + part.keyHead * stride + first * h().width();
      Matrix matrix =
          Matrix.of(y, h().width())
              .at(part.example * example + at)
              .batch(h().out(), example, stride);
      return new Family(matrix, h().depth());
    }

    Family score(Buffer p) {
      long square = (long) rows * cols;
      Matrix matrix =
          Matrix.of(p, cols).batch(scores(), part.heads() * square, h().group() * square);
      return new Family(matrix, square);
    }
  }

  /** {@code scores = alpha left right' + beta scores}, contracted over the depth of a head. */
  private void scores(
      Block b, double alpha, Family left, Family right, double beta, Family scores) {
    for (int q = 0; q < b.h().group(); q++) {
      Matrix key = right.member(q).t();
      Matrix to = scores.member(q);
      gemm.multiply(
          b.rows, b.cols, b.h().depth(), alpha, left.member(q), key, beta, to, null, b.batch());
    }
  }

  /** {@code out = alpha scores right + beta out}, one row for each query. */
  private void toQueries(
      Block b, double alpha, Family scores, Family right, double beta, Family out) {
    for (int q = 0; q < b.h().group(); q++) {
      Matrix p = scores.member(q);
      Matrix to = out.member(q);
      gemm.multiply(
          b.rows, b.h().depth(), b.cols, alpha, p, right.member(q), beta, to, null, b.batch());
    }
  }

  /** {@code out = alpha scores' left + beta out}, one row for each key; heads of a group add up. */
  private void toKeys(Block b, double alpha, Family scores, Family left, double beta, Family out) {
    for (int q = 0; q < b.h().group(); q++) {
      Matrix p = scores.member(q).t();
      Matrix to = out.member(q);
      double old = q > 0 ? 1 : beta;
      gemm.multiply(
          b.cols, b.h().depth(), b.rows, alpha, p, left.member(q), old, to, null, b.batch());
    }
  }

  private void probabilities(Block b, Buffer x, Buffer saved, boolean first, Buffer p) {
    scores(b, b.h().scale(), b.query(x, 0), b.key(x, 0), 0, b.score(p));
    rows.probabilities(b, saved, first, p);
  }

  private void adjoint(Block b, Buffer x, Buffer dy, Buffer adjoint, boolean first, Buffer da) {
    scores(b, 1, b.output(dy, 0), b.value(x, 0), 0, b.score(da));
    rows.adjoint(b, adjoint, first, da);
  }

  private void tangent(Block b, Buffer x, Buffer rx, int direction, Buffer ra) {
    double scale = b.h().scale();
    scores(b, scale, b.query(rx, direction), b.key(x, 0), 0, b.score(ra));
    scores(b, scale, b.query(x, 0), b.key(rx, direction), 1, b.score(ra));
  }

  void forward(Part part, Buffer x, Buffer y, Buffer saved) {
    for (Block b : part.blocks()) {
      Buffer p = array(b, 0);
      probabilities(b, x, saved, true, p);
      toQueries(b, 1, b.score(p), b.value(x, 0), 0, b.output(y, 0));
    }
  }

  void backward(
      Part part, Buffer x, Buffer saved, Buffer dy, Buffer adjoint, Buffer dx, boolean add) {
    double scale = part.h.scale();
    double old = add ? 1 : 0;
    for (Block b : part.blocks()) {
      Buffer p = array(b, 0);
      Buffer da = array(b, 1);
      double before = b.last() ? old : 1;
      probabilities(b, x, saved, false, p);
      toKeys(b, 1, b.score(p), b.output(dy, 0), before, b.value(dx, 0));
      adjoint(b, x, dy, adjoint, true, da);
      toQueries(b, scale, b.score(da), b.key(x, 0), old, b.query(dx, 0));
      toKeys(b, scale, b.score(da), b.query(x, 0), before, b.key(dx, 0));
    }
  }

  void tangent(Part part, int k, Buffer x, Buffer saved, Buffer rx, Buffer ry, Buffer tangent) {
    for (Block b : part.blocks()) {
      Buffer p = array(b, 0);
      Buffer rp = array(b, 1);
      probabilities(b, x, saved, false, p);
      for (int d = 0; d < k; d++) {
        tangent(b, x, rx, d, rp);
        rows.tangent(b, d, tangent, true, rp);
        toQueries(b, 1, b.score(rp), b.value(x, 0), 0, b.output(ry, d));
        toQueries(b, 1, b.score(p), b.value(rx, d), 1, b.output(ry, d));
      }
    }
  }

  void tangentBackward(Part part, int k, Primal of, Tangents tangents, Buffer rdx, boolean add) {
    double old = add ? 1 : 0;
    for (Block b : part.blocks()) {
      probabilities(b, of.x(), of.saved(), false, array(b, 0));
      adjoint(b, of.x(), of.dy(), of.adjoint(), false, array(b, 1));
      for (int d = 0; d < k; d++) {
        tangentBackward(b, d, of, tangents, rdx, old);
      }
    }
  }

  /** Tangents of x, of the rows and of dy. */
  record Tangents(Buffer rx, Buffer rows, Buffer rdy) {}

  private void tangentBackward(
      Block b, int d, Primal of, Tangents tangents, Buffer rdx, double old) {
    Buffer x = of.x();
    Buffer rx = tangents.rx;
    double scale = b.h().scale();
    double before = b.last() ? old : 1;
    Family dO = b.output(of.dy(), 0);
    Family rdO = b.output(tangents.rdy, d);
    Family da = b.score(array(b, 1));
    Buffer rp = array(b, 2);
    Buffer rda = array(b, 3);
    tangent(b, x, rx, d, rp);
    rows.tangent(b, d, tangents.rows, false, rp);
    toKeys(b, 1, b.score(rp), dO, before, b.value(rdx, d));
    toKeys(b, 1, b.score(array(b, 0)), rdO, 1, b.value(rdx, d));
    scores(b, 1, rdO, b.value(x, 0), 0, b.score(rda));
    scores(b, 1, dO, b.value(rx, d), 1, b.score(rda));
    rows.tangentBackward(b, rda);
    toQueries(b, scale, b.score(rda), b.key(x, 0), old, b.query(rdx, d));
    toQueries(b, scale, da, b.key(rx, d), 1, b.query(rdx, d));
    toKeys(b, scale, b.score(rda), b.query(x, 0), before, b.key(rdx, d));
    toKeys(b, scale, da, b.query(rx, d), 1, b.key(rdx, d));
  }

  void curvature(Part part, int k, Primal of, Buffer rx, Buffer tangent, HostScalars c) {
    for (Block b : part.blocks()) {
      Buffer product = array(b, 1);
      probabilities(b, of.x(), of.saved(), false, array(b, 0));
      adjoint(b, of.x(), of.dy(), of.adjoint(), false, product);
      for (int d = 0; d < k; d++) {
        tangent(b, of.x(), rx, d, product);
        double sum = rows.curvature(b, d, tangent, product);
        scores(b, 2 * b.h().scale(), b.query(rx, d), b.key(rx, d), 0, b.score(product));
        sum += rows.dot(b, true, product);
        scores(b, 2, b.output(of.dy(), 0), b.value(rx, d), 0, b.score(product));
        c.add(d, sum + rows.dot(b, false, product));
      }
    }
  }

  void entropy(Part part, Buffer x, Buffer saved, HostScalars sums) {
    for (Block b : part.blocks()) {
      probabilities(b, x, saved, false, array(b, 0));
      rows.entropy(b, sums);
    }
  }

  /** An array of scores of a block. */
  private Buffer array(Block b, int index) {
    return scratch.apply(ARRAYS * b.scores()).slice(index * b.scores(), b.scores());
  }
}
