package dynaxx.network.pass;

import dynaxx.layer.Shape;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Constant;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Gather;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.Op;
import dynaxx.network.op.Pad;
import dynaxx.network.op.ParameterValue;
import dynaxx.network.op.Permute;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Slice;
import dynaxx.network.op.Softmax;
import dynaxx.network.op.Subtract;
import dynaxx.network.op.Where;
import java.util.List;
import java.util.function.Function;

/**
 * Definitions of the ops that move values about, by indices: each element of the output says where
 * it comes from.
 */
final class OracleShapes {

  private OracleShapes() {}

  /** The output, or null if this is another kind of op. */
  static HyperDual[] apply(Op op, HyperDual[] w, HyperDual[][] in, Shape[] shapes, Shape out) {
    return switch (op) {
      case Constant o -> each(out, at -> HyperDual.of(o.value(flat(out, at))));
      case ParameterValue o -> each(out, at -> w[(int) o.parameter().offset() + flat(out, at)]);
      case Subtract o -> each(out, at -> in[0][flat(out, at)].minus(in[1][flat(out, at)]));
      case Where o -> each(out, at -> in[first(o, in, flat(out, at)) ? 0 : 1][flat(out, at)]);
      case Extreme o -> each(out, at -> extreme(o, in[0][flat(out, at)], in[1][flat(out, at)]));
      case MatMul o -> each(out, at -> product(o, in, shapes, at));
      case Reshape o -> in[0];
      case Permute o -> each(out, at -> in[0][flat(shapes[0], permuted(o.axes(), at))]);
      case Slice o -> {
        int axis = axis(o.axis(), out);
        yield each(
            out, at -> in[0][flat(shapes[0], with(at, axis, o.start() + o.step() * at[axis]))]);
      }
      case Gather o -> {
        int axis = axis(o.axis(), out);
        yield each(out, at -> in[0][flat(shapes[0], with(at, axis, o.indices().get(at[axis])))]);
      }
      case Concat o -> each(out, at -> concatenated(axis(o.axis(), out), in, shapes, at));
      case Pad o -> each(out, at -> padded(o, in[0], shapes[0], at));
      case Broadcast o -> each(out, at -> in[0][flat(shapes[0], repeated(shapes[0], at))]);
      case Reduce o -> reduced(o, in[0], shapes[0], (int) out.size());
      case Softmax o -> softmax(in[0], out.dim(-1));
      default -> null;
    };
  }

  private static HyperDual[] softmax(HyperDual[] x, int cols) {
    HyperDual[] y = new HyperDual[x.length];
    for (int row = 0; row < x.length; row += cols) {
      HyperDual sum = HyperDual.ZERO;
      for (int i = row; i < row + cols; i++) {
        sum = sum.plus(x[i].exp());
      }
      for (int i = row; i < row + cols; i++) {
        y[i] = x[i].exp().over(sum);
      }
    }
    return y;
  }

  private static int axis(int axis, Shape shape) {
    return axis < 0 ? axis + shape.rank() : axis;
  }

  private static int[] with(int[] at, int axis, int position) {
    int[] copy = at.clone();
    copy[axis] = position;
    return copy;
  }

  private static HyperDual[] each(Shape shape, Function<int[], HyperDual> f) {
    HyperDual[] y = new HyperDual[(int) shape.size()];
    for (int i = 0; i < y.length; i++) {
      y[i] = f.apply(index(shape, i));
    }
    return y;
  }

  private static int[] index(Shape shape, int flat) {
    int[] at = new int[shape.rank()];
    for (int a = at.length - 1; a >= 0; a--) {
      at[a] = flat % shape.dim(a);
      flat /= shape.dim(a);
    }
    return at;
  }

  private static int flat(Shape shape, int[] at) {
    int flat = 0;
    for (int a = 0; a < at.length; a++) {
      flat = flat * shape.dim(a) + at[a];
    }
    return flat;
  }

  private static int[] permuted(List<Integer> axes, int[] at) {
    int[] from = new int[at.length];
    for (int a = 0; a < at.length; a++) {
      from[axes.get(a)] = at[a];
    }
    return from;
  }

  private static HyperDual concatenated(int axis, HyperDual[][] in, Shape[] shapes, int[] at) {
    int position = at[axis];
    int i = 0;
    while (position >= shapes[i].dim(axis)) {
      position -= shapes[i++].dim(axis);
    }
    return in[i][flat(shapes[i], with(at, axis, position))];
  }

  private static boolean first(Where o, HyperDual[][] in, int i) {
    return in.length == 3 ? in[2][i].a() != 0 : o.first(i);
  }

  private static HyperDual extreme(Extreme o, HyperDual a, HyperDual b) {
    return a.a() > b.a() == o.largest() ? a : b;
  }

  private static HyperDual product(MatMul o, HyperDual[][] in, Shape[] shapes, int[] at) {
    int row = at[at.length - 2];
    int col = at[at.length - 1];
    HyperDual sum = HyperDual.ZERO;
    for (int p = 0; p < shapes[0].dim(o.transposeLeft() ? -2 : -1); p++) {
      int[] left = last(at, o.transposeLeft() ? p : row, o.transposeLeft() ? row : p);
      int[] right = last(at, o.transposeRight() ? col : p, o.transposeRight() ? p : col);
      sum = sum.plus(in[0][flat(shapes[0], left)].times(in[1][flat(shapes[1], right)]));
    }
    return sum;
  }

  private static int[] last(int[] at, int row, int col) {
    return with(with(at, at.length - 2, row), at.length - 1, col);
  }

  private static HyperDual padded(Pad o, HyperDual[] x, Shape shape, int[] at) {
    int[] from = new int[at.length];
    for (int a = 0; a < at.length; a++) {
      from[a] = at[a] - o.before().get(a);
      if (from[a] < 0 || from[a] >= shape.dim(a)) {
        return HyperDual.of(o.value());
      }
    }
    return x[flat(shape, from)];
  }

  private static int[] repeated(Shape shape, int[] at) {
    int[] from = new int[shape.rank()];
    for (int a = 0; a < from.length; a++) {
      from[a] = shape.dim(a) == 1 ? 0 : at[at.length - from.length + a];
    }
    return from;
  }

  private static HyperDual[] reduced(Reduce o, HyperDual[] x, Shape shape, int size) {
    List<Integer> axes = o.axes().stream().map(a -> axis(a, shape)).toList();
    HyperDual[] y = new HyperDual[size];
    java.util.Arrays.fill(y, HyperDual.ZERO);
    for (int i = 0; i < x.length; i++) {
      int[] at = index(shape, i);
      int to = 0;
      for (int a = 0; a < at.length; a++) {
        to = axes.contains(a) ? to : to * shape.dim(a) + at[a];
      }
      y[to] = y[to].plus(x[i].times(o.mean() ? (double) size / x.length : 1));
    }
    return y;
  }
}
