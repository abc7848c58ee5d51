package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Elementary.Kind;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Divide;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Permute;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Softmax;
import dynaxx.network.op.Subtract;
import java.util.List;

/**
 * The softmax at the end of a model, in all forms that exporters give it, for a loss that has its
 * own: to take it twice would be the curvature of another loss.
 */
final class FinalSoftmax {

  private FinalSoftmax() {}

  /**
   * The values before the softmax over the last axis.
   *
   * @return the output itself if there is no softmax at its end
   * @throws OnnxException if there is one that cannot be left out
   */
  static Expr without(Expr output, String label) {
    Expr logits = before(output);
    if (logits != null) {
      return logits;
    }
    for (Expr e = output; passesOn(e); e = e.input()) {
      if (before(e.input()) != null) {
        throw new OnnxException(
            label
                + ": found a softmax that is followed by "
                + e.op.name()
                + " or not over the last axis, expected logits, or a softmax over the last axis at"
                + " the very end, for a loss that has its own");
      }
    }
    return output;
  }

  /** The values before a sigmoid at the very end, or the output itself. */
  static Expr withoutSigmoid(Expr output) {
    Expr e = output;
    while (e.op instanceof Reshape) {
      e = e.input();
    }
    boolean sigmoid =
        e.op instanceof Activate(Pointwise.Standard(Activation f)) && f == Activation.SIGMOID;
    return sigmoid ? e.input().reshape(output.dims()) : output;
  }

  private static boolean passesOn(Expr e) {
    return e.op instanceof Reshape
        || e.op instanceof Permute
        || is(e, Kind.AFFINE)
        || is(e, Kind.CLIP)
        || is(e, Kind.LOG);
  }

  /** Logits of a softmax or its logarithm over the last axis, or null for something else. */
  private static Expr before(Expr e) {
    if (e.op instanceof Softmax) {
      return e.input();
    }
    if (e.op instanceof Reshape && last(e) == last(e.input())) {
      Expr inner = before(e.input());
      return inner == null ? null : inner.reshape(e.dims());
    }
    if (is(e, Kind.LOG)) {
      return probabilities(e.input());
    }
    return is(e, Kind.EXP) && logarithm(e.input()) != null
        ? logarithm(e.input())
        : probabilities(e) != null ? probabilities(e) : logarithm(e);
  }

  private static Expr probabilities(Expr e) {
    if (e.op instanceof Softmax) {
      return e.input();
    }
    if (e.op instanceof Divide) {
      Expr exp = e.inputs.get(0);
      boolean matches = is(exp, Kind.EXP) && isSum(single(e.inputs.get(1)), exp);
      return matches ? unshifted(exp.input()) : null;
    }
    if (!(e.op instanceof Multiply)) {
      return null;
    }
    for (int i = 0; i < 2; i++) {
      Expr exp = e.inputs.get(i);
      Expr inverse = single(e.inputs.get(1 - i));
      boolean matches = is(exp, Kind.EXP) && is(inverse, Kind.RECIPROCAL);
      if (matches && isSum(inverse.input(), exp)) {
        return unshifted(exp.input());
      }
    }
    return null;
  }

  /** {@code x - log sum exp(x)}. */
  private static Expr logarithm(Expr e) {
    if (!(e.op instanceof Subtract)) {
      return null;
    }
    Expr x = e.inputs.get(0);
    Expr log = single(e.inputs.get(1));
    boolean matches = is(log, Kind.LOG) && log.input().op instanceof Reduce;
    Expr exp = matches ? log.input().input() : null;
    return matches && isSum(log.input(), exp) && is(exp, Kind.EXP) && exp.input() == x
        ? unshifted(x)
        : null;
  }

  private static boolean isSum(Expr e, Expr of) {
    if (!(e.op instanceof Reduce r) || r.mean() || !r.keep() || e.input() != of) {
      return false;
    }
    int rank = of.shape.rank();
    return r.axes().equals(List.of(rank - 1)) || r.axes().equals(List.of(-1));
  }

  /** Without the largest value, which is taken off for the range of exp alone. */
  private static Expr unshifted(Expr x) {
    if (!(x.op instanceof Subtract)) {
      return x;
    }
    Expr whole = x.inputs.get(0);
    Expr largest = single(x.inputs.get(1));
    boolean own = largest.op instanceof Extreme && Sorting.expressions(largest).contains(whole);
    return own && last(largest) == 1 ? whole : x;
  }

  private static Expr single(Expr e) {
    return e.op instanceof Broadcast ? e.input() : e;
  }

  private static int last(Expr e) {
    return e.shape.rank() == 0 ? 1 : e.shape.dim(-1);
  }

  private static boolean is(Expr e, Kind kind) {
    return e.op instanceof Activate(Elementary f) && f.kind() == kind;
  }
}
