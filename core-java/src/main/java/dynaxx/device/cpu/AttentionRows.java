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

  /** Slots of float64 arrays that no loop uses. */
  private static final int LARGEST = 12;

  private static final int FACTORS = 13;
  private static final int MEANS = 14;
  private static final int SUMS = 15;

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

  /** One number of each row of a block; {@code kinds} arrays of them lie side by side. */
  private double[] read(Block b, int slot, Buffer from, long start, int kinds, int kind) {
    double[] to = scratch.doubles(slot, size(b) / b.cols());
    int at = 0;
    for (int e = 0; e < b.part().examples(); e++) {
      for (int i = 0; i < b.part().heads(); i++) {
        long number = start + number(b, e, i, kinds, kind);
        for (int r = 0; r < b.rows(); r++) {
          to[at++] = loops.get(from, number + r);
        }
      }
    }
    return to;
  }

  /** Rounds the numbers to those that {@link #read} gives. */
  private void write(Block b, double[] numbers, Buffer to, long start, int kinds, int kind) {
    int at = 0;
    for (int e = 0; e < b.part().examples(); e++) {
      for (int i = 0; i < b.part().heads(); i++) {
        long number = start + number(b, e, i, kinds, kind);
        for (int r = 0; r < b.rows(); r++) {
          numbers[at] = loops.round(numbers[at]);
          loops.set(to, number + r, numbers[at++]);
        }
      }
    }
  }

  private static long number(Block b, int example, int head, int kinds, int kind) {
    long all = (b.part().example() + example) * (long) b.h().heads() + b.part().head() + head;
    return (all * kinds + kind) * b.h().tokens() + b.first();
  }

  private int size(Block b) {
    return Math.toIntExact(b.scores());
  }

  /** Scores to probabilities; the first time, the numbers of the rows are written. */
  void probabilities(Block b, Buffer saved, boolean first, Buffer scores) {
    int size = size(b);
    int cols = b.cols();
    int count = size / cols;
    p = loops.array(scratch, 0, size);
    loops.load(scores, 0, p, size);
    double[] largest;
    if (first) {
      largest = scratch.doubles(LARGEST, count);
      for (int r = 0; r < count; r++) {
        largest[r] = loops.max(p, r * cols, b.seen(b.first() + r % b.rows()));
      }
      write(b, largest, saved, 0, AttentionKernels.SAVED, 0);
    } else {
      largest = read(b, LARGEST, saved, 0, AttentionKernels.SAVED, 0);
    }
    for (int r = 0; r < count; r++) {
      loops.add(p, r * cols, -largest[r], cols);
    }
    loops.exp(p, size);
    double[] factors;
    if (first) {
      factors = scratch.doubles(FACTORS, count);
      for (int r = 0; r < count; r++) {
        factors[r] = 1 / loops.sum(p, r * cols, b.seen(b.first() + r % b.rows()));
      }
      write(b, factors, saved, 0, AttentionKernels.SAVED, 1);
    } else {
      factors = read(b, FACTORS, saved, 0, AttentionKernels.SAVED, 1);
    }
    for (int r = 0; r < count; r++) {
      loops.multiply(p, r * cols, factors[r], cols);
    }
    for (int r = 0; b.h().causal() && r < count; r++) {
      loops.fill(p, r * cols + b.seen(b.first() + r % b.rows()), (r + 1) * cols, 0);
    }
    loops.store(p, scores, 0, size);
  }

  /** dP to dA; keeps dP less its mean. */
  void adjoint(Block b, Buffer adjoint, boolean first, Buffer scores) {
    int size = size(b);
    dp = loops.array(scratch, 1, size);
    da = loops.array(scratch, 2, size);
    loops.load(scores, 0, dp, size);
    centre(b, dp, adjoint, 0, AttentionKernels.ADJOINT, first);
    loops.product(da, dp, p, 0, size);
    loops.store(da, scores, 0, size);
  }

  /** Subtracts from each row its mean by the probabilities. */
  private void centre(Block b, A v, Buffer numbers, long start, int kinds, boolean first) {
    int cols = b.cols();
    int count = size(b) / cols;
    double[] means;
    if (first) {
      means = scratch.doubles(MEANS, count);
      for (int r = 0; r < count; r++) {
        means[r] = loops.dot(p, r * cols, v, r * cols, cols);
      }
      write(b, means, numbers, start, kinds, 0);
    } else {
      means = read(b, MEANS, numbers, start, kinds, 0);
    }
    for (int r = 0; r < count; r++) {
      loops.add(v, r * cols, -means[r], cols);
    }
  }

  /** RA less its mean, in a work array. */
  private void centre(Block b, int direction, Buffer tangent, boolean first, Buffer scores) {
    int size = size(b);
    rp = loops.array(scratch, 3, size);
    loops.load(scores, 0, rp, size);
    long start = direction * b.h().rows() * AttentionKernels.TANGENT;
    centre(b, rp, tangent, start, AttentionKernels.TANGENT, first);
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
    int count = size / cols;
    double[] means = scratch.doubles(SUMS, count);
    for (int r = 0; r < count; r++) {
      int at = r * cols;
      // sum(rp) is 0, so the centred dp serves in the mean as well and cancels less
      means[r] = loops.dot(rp, at, dp, at, cols) + loops.dot(p, at, v, at, cols);
    }
    for (int r = 0; r < count; r++) {
      loops.weigh(v, p, rp, dp, r * cols, means[r], cols);
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
