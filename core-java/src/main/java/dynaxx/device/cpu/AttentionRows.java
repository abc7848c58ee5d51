package dynaxx.device.cpu;

import dynaxx.device.cpu.AttentionProducts.Block;
import dynaxx.kernel.AttentionKernels;
import dynaxx.memory.Buffer;

/**
 * Row by row over a block of scores, by one thread. The first pass that needs a sum over a row
 * leaves it for the others, so that those compute the same bits without it: the largest score and
 * the inverse of the sum of exponentials, the mean of RA, and that of dP.
 */
final class AttentionRows<A> {

  private final Loops<A> loops;
  private final Scratch scratch = new Scratch();
  private A p;
  private A dp;
  private A da;
  private A v;
  private A rp;

  AttentionRows(Loops<A> loops) {
    this.loops = loops;
  }

  private interface Row {
    /** The row whose first score is at {@code at}; its numbers are at {@code number}. */
    void run(int at, int query, long number);
  }

  /** All rows of a block; each has {@code numbers} numbers, one array for each kind. */
  private void rows(Block b, int numbers, Row row) {
    int tokens = b.h().tokens();
    int at = 0;
    for (int e = 0; e < b.part().examples(); e++) {
      long head = (b.part().example() + e) * (long) b.h().heads() + b.part().head();
      for (int i = 0; i < b.part().heads(); i++) {
        long number = (head + i) * numbers * tokens + b.first();
        for (int r = 0; r < b.rows(); r++) {
          row.run(at, b.first() + r, number + r);
          at += b.cols();
        }
      }
    }
  }

  private int size(Block b) {
    return Math.toIntExact(b.scores());
  }

  /** Scores to probabilities; the first time, the numbers of the rows are written. */
  void probabilities(Block b, Buffer saved, boolean first, Buffer scores) {
    int size = size(b);
    int cols = b.cols();
    int tokens = b.h().tokens();
    p = loops.array(scratch, 0, size);
    loops.load(scores, 0, p, size);
    rows(
        b,
        AttentionKernels.SAVED,
        (at, query, number) -> {
          double max;
          if (first) {
            max = loops.max(p, at, b.seen(query));
            loops.set(saved, number, max);
          } else {
            max = loops.get(saved, number);
          }
          loops.add(p, at, -max, cols);
        });
    loops.exp(p, size);
    rows(
        b,
        AttentionKernels.SAVED,
        (at, query, number) -> {
          int seen = b.seen(query);
          double factor;
          if (first) {
            factor = 1 / loops.sum(p, at, seen);
            loops.set(saved, number + tokens, factor);
          } else {
            factor = loops.get(saved, number + tokens);
          }
          loops.multiply(p, at, factor, seen);
          if (seen < cols) {
            loops.fill(p, at + seen, at + cols, 0);
          }
        });
    loops.store(p, scores, 0, size);
  }

  /** dP to dA; keeps dP less its mean. */
  void adjoint(Block b, Buffer adjoint, boolean first, Buffer scores) {
    int size = size(b);
    dp = loops.array(scratch, 1, size);
    da = loops.array(scratch, 2, size);
    loops.load(scores, 0, dp, size);
    rows(
        b,
        AttentionKernels.ADJOINT,
        (at, query, number) -> {
          double mean;
          if (first) {
            mean = loops.dot(p, at, dp, at, b.cols());
            loops.set(adjoint, number, mean);
          } else {
            mean = loops.get(adjoint, number);
          }
          loops.add(dp, at, -mean, b.cols());
        });
    loops.product(da, dp, p, 0, size);
    loops.store(da, scores, 0, size);
  }

  /** RA less its mean, in a work array. */
  private void centre(Block b, int direction, Buffer tangent, boolean first, Buffer scores) {
    int size = size(b);
    long start = direction * b.h().rows() * AttentionKernels.TANGENT;
    rp = loops.array(scratch, 3, size);
    loops.load(scores, 0, rp, size);
    rows(
        b,
        AttentionKernels.TANGENT,
        (at, query, number) -> {
          double mean;
          if (first) {
            mean = loops.dot(p, at, rp, at, b.cols());
            loops.set(tangent, start + number, mean);
          } else {
            mean = loops.get(tangent, start + number);
          }
          loops.add(rp, at, -mean, b.cols());
        });
  }

  /** RA to RP. */
  void tangent(Block b, int direction, Buffer tangent, boolean first, Buffer scores) {
    centre(b, direction, tangent, first, scores);
    loops.multiply(rp, p, size(b));
    loops.store(rp, scores, 0, size(b));
  }

  /** RdP to RdA, after {@link #adjoint} and {@link #tangent}. */
  void tangentBackward(Block b, Buffer scores) {
    int size = size(b);
    int cols = b.cols();
    v = loops.array(scratch, 4, size);
    loops.load(scores, 0, v, size);
    for (int at = 0; at < size; at += cols) {
      // sum(rp) is 0, so the centred dp serves in the mean as well and cancels less
      double mean = loops.dot(rp, at, dp, at, cols) + loops.dot(p, at, v, at, cols);
      loops.weigh(v, p, rp, dp, at, mean, cols);
    }
    loops.store(v, scores, 0, size);
  }

  /** Sum of dA u^2, after {@link #adjoint}; keeps RP. */
  double curvature(Block b, int direction, Buffer tangent, Buffer scores) {
    centre(b, direction, tangent, false, scores);
    double sum = loops.dot(da, 0, rp, 0, rp, 0, size(b));
    loops.multiply(rp, p, size(b));
    return sum;
  }

  /** Sum of dA or RP times scores. */
  double dot(Block b, boolean adjoint, Buffer scores) {
    v = loops.array(scratch, 4, size(b));
    loops.load(scores, 0, v, size(b));
    return loops.dot(adjoint ? da : rp, 0, v, 0, size(b));
  }

  /** Adds the entropies of the rows of each head of the part. */
  void entropy(Block b, HostScalars sums) {
    double[] wide = scratch.doubles(5, size(b));
    loops.widen(p, wide, size(b));
    int each = b.rows() * b.cols();
    for (int at = 0; at < size(b); at += each) {
      double sum = 0;
      for (int j = at; j < at + each; j++) {
        sum -= wide[j] == 0 ? 0 : wide[j] * Math.log(wide[j]);
      }
      sums.add(at / each % b.part().heads(), sum);
    }
  }
}
