package dynaxx.onnx;

import dynaxx.layer.Shape;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Gather;
import dynaxx.network.op.Op;
import dynaxx.network.op.Slice;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A node of the network to be: an op and what it works on. Without an op it is the network's input,
 * or elements of a parameter.
 */
final class Expr implements Body {

  final Draft draft;
  final Op op;
  final List<Expr> inputs;
  final Shape shape;
  final Weight.View leaf;

  Expr(Draft draft, Op op, List<Expr> inputs, Shape shape, Weight.View leaf) {
    this.draft = draft;
    this.op = op;
    this.inputs = inputs;
    this.shape = shape;
    this.leaf = leaf;
  }

  Expr input() {
    return inputs.getFirst();
  }

  @Override
  public long[] dims() {
    return Dims.of(shape);
  }

  @Override
  public Expr permute(int[] order) {
    return draft.permute(this, order);
  }

  @Override
  public Expr slice(int axis, long start, long count, long step) {
    if (start == 0 && step == 1 && count == shape.dim(axis)) {
      return this;
    }
    long end = start + count * step;
    int stop = Math.toIntExact(step < 0 ? Math.max(end, -1) : Math.min(end, shape.dim(axis)));
    Slice cut = new Slice(axis, Math.toIntExact(start), stop, Math.toIntExact(step));
    return draft.op(cut, this);
  }

  @Override
  public Expr reshape(long[] dims) {
    return draft.reshape(this, Dims.shape(dims));
  }

  @Override
  public Expr gather(int axis, int[] indices) {
    int extent = shape.dim(axis);
    if (Arrays.equals(indices, IntStream.range(0, extent).toArray())) {
      return this;
    }
    if (indices.length == 1) {
      return slice(axis, indices[0], 1, 1);
    }
    return draft.op(new Gather(axis, Arrays.stream(indices).boxed().toList()), this);
  }

  @Override
  public Expr expand(long[] dims) {
    return draft.broadcast(this, Dims.shape(dims));
  }

  @Override
  public boolean uniform(int axis) {
    return shape.dim(axis) == 1 || op instanceof Broadcast && input().uniformUnder(shape, axis);
  }

  private boolean uniformUnder(Shape broad, int axis) {
    int own = axis - (broad.rank() - shape.rank());
    return own < 0 || shape.dim(own) == 1;
  }

  @Override
  public String toString() {
    return (op != null ? op.name() : leaf != null ? leaf.toString() : "input") + " " + shape;
  }
}
