package dynaxx.onnx;

import dynaxx.onnx.Reference.Attributes;
import dynaxx.onnx.TestModel.Array;
import java.util.Arrays;
import java.util.List;

/** Operators of {@link Reference} that order, move and resize. */
final class ReferenceLater {

  private ReferenceLater() {}

  private static int[] with(int[] at, int axis, int position) {
    int[] moved = at.clone();
    moved[axis] = position;
    return moved;
  }

  static Array cumSum(Array x, int axis) {
    return Reference.fill(
        x.dims(),
        at -> {
          double sum = 0;
          for (int i = 0; i <= at[axis]; i++) {
            sum += Reference.get(x, with(at, axis, i));
          }
          return sum;
        });
  }

  static Array logSumExp(Array x, int axis) {
    return Reference.fill(
        Dims.with(x.dims(), axis, 1),
        at -> {
          double sum = 0;
          for (int i = 0; i < x.dims()[axis]; i++) {
            sum += Math.exp(Reference.get(x, with(at, axis, i)));
          }
          return Math.log(sum);
        });
  }

  static Array topK(Array x, int k) {
    int last = x.dims().length - 1;
    int n = (int) x.dims()[last];
    return Reference.fill(
        Dims.with(x.dims(), last, k),
        at -> {
          double[] row = new double[n];
          Arrays.setAll(row, i -> Reference.get(x, with(at, last, i)));
          Arrays.sort(row);
          return row[n - 1 - at[last]];
        });
  }

  static Array depthToSpace(Array x, int b) {
    long[] d = x.dims();
    int depth = (int) d[1] / b / b;
    return Reference.fill(
        new long[] {d[0], depth, d[2] * b, d[3] * b},
        at -> {
          int channel = (at[2] % b * b + at[3] % b) * depth + at[1];
          return Reference.get(x, at[0], channel, at[2] / b, at[3] / b);
        });
  }

  static Array neighbours(Array x, Attributes a) {
    int size = (int) a.whole("size", 1);
    int channels = (int) x.dims()[1];
    return Reference.fill(
        x.dims(),
        at -> {
          double sum = 0;
          for (int c = 0; c < channels; c++) {
            boolean near = c >= at[1] - (size - 1) / 2 && c <= at[1] + size / 2;
            double value = Reference.get(x, with(at, 1, c));
            sum += near ? value * value : 0;
          }
          double base = a.number("bias", 1) + a.number("alpha", 1e-4) / size * sum;
          return Reference.get(x, at) / Math.pow(base, a.number("beta", 0.75));
        });
  }

  /** Linear along all axes, between the centres of pixels. */
  static Array resize(Array x, double[] scales) {
    long[] to = new long[scales.length];
    Arrays.setAll(to, i -> (long) Math.floor(x.dims()[i] * scales[i]));
    return Reference.fill(
        to,
        at -> {
          double sum = 0;
          for (int corner = 0; corner < 1 << at.length; corner++) {
            int[] from = new int[at.length];
            double weight = 1;
            for (int i = 0; i < at.length; i++) {
              double place = (at[i] + 0.5) / scales[i] - 0.5;
              int low = (int) Math.floor(place);
              boolean high = (corner >> i & 1) == 1;
              weight *= high ? place - low : 1 - (place - low);
              from[i] = Math.clamp(low + (high ? 1 : 0), 0, (int) x.dims()[i] - 1);
            }
            sum += weight == 0 ? 0 : weight * Reference.get(x, from);
          }
          return sum;
        });
  }

  static Array convTranspose(List<Array> in, Attributes a) {
    Array x = in.get(0);
    Array w = in.get(1);
    long[] stride = a.wholes("strides", 1, 1);
    long[] pads = a.wholes("pads", 0, 0, 0, 0);
    long[] to = {x.dims()[0], w.dims()[1], 0, 0};
    for (int i = 0; i < 2; i++) {
      to[2 + i] = stride[i] * (x.dims()[2 + i] - 1) + w.dims()[2 + i] - pads[i] - pads[2 + i];
    }
    double[] y = new double[(int) Dims.size(to)];
    long[] strides = Dims.strides(to);
    Reference.fill(
        new long[] {
          x.dims()[0], w.dims()[0], w.dims()[1], x.dims()[2], x.dims()[3], w.dims()[2], w.dims()[3]
        },
        at -> {
          long row = at[3] * stride[0] + at[5] - pads[0];
          long col = at[4] * stride[1] + at[6] - pads[1];
          if (row >= 0 && row < to[2] && col >= 0 && col < to[3]) {
            int place = (int) (at[0] * strides[0] + at[2] * strides[1] + row * strides[2] + col);
            y[place] +=
                Reference.get(x, at[0], at[1], at[3], at[4])
                    * Reference.get(w, at[1], at[2], at[5], at[6]);
          }
          return 0.0;
        });
    return Reference.fill(
        to,
        at -> {
          int place = (int) (at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2] + at[3]);
          return y[place] + in.get(2).values()[at[1]];
        });
  }

  static Array gatherElements(Array x, Array indices, int axis) {
    return Reference.fill(
        indices.dims(), at -> Reference.get(x, with(at, axis, (int) Reference.get(indices, at))));
  }

  static Array scatterAdd(Array x, Array indices, Array updates, int axis) {
    double[] y = x.values().clone();
    long[] strides = Dims.strides(x.dims());
    Reference.fill(
        indices.dims(),
        at -> {
          int[] to = with(at, axis, (int) Reference.get(indices, at));
          int place = 0;
          for (int i = 0; i < to.length; i++) {
            place += (int) (to[i] * strides[i]);
          }
          y[place] += Reference.get(updates, at);
          return 0.0;
        });
    return Reference.floats(x.dims(), y);
  }
}
