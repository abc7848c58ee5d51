package dynaxx.onnx;

import dynaxx.onnx.TestModel.Array;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;

/** Recurrent layers of {@link Reference}, from the equations of the ONNX specification. */
final class ReferenceRecurrence {

  private ReferenceRecurrence() {}

  static List<Array> run(String op, List<Array> given, Map<String, Object> a) {
    if (!Integer.valueOf(1).equals(a.get("layout"))) {
      return stepsFirst(op, given, a);
    }
    List<Array> in = new ArrayList<>(given);
    long[] swap = {1, 0, 2};
    for (int i : new int[] {0, 5, 6}) {
      if (i < in.size() && in.get(i) != null) {
        in.set(i, Reference.transpose(in.get(i), swap));
      }
    }
    List<Array> out = stepsFirst(op, in, a);
    return List.of(
        Reference.transpose(out.get(0), new long[] {2, 0, 1, 3}),
        Reference.transpose(out.get(1), swap),
        Reference.transpose(out.get(2), swap));
  }

  private static List<Array> stepsFirst(String op, List<Array> in, Map<String, Object> a) {
    Array x = in.get(0);
    int steps = (int) x.dims()[0];
    int examples = (int) x.dims()[1];
    int width = (int) x.dims()[2];
    int directions = (int) in.get(2).dims()[0];
    int hidden = (int) in.get(2).dims()[2];
    int gates = op.equals("LSTM") ? 4 : op.equals("GRU") ? 3 : 1;
    double[] y = new double[steps * directions * examples * hidden];
    double[] last = new double[directions * examples * hidden];
    double[] cells = new double[directions * examples * hidden];
    for (int d = 0; d < directions; d++) {
      boolean reverse = d == 1 || "reverse".equals(a.get("direction"));
      for (int n = 0; n < examples; n++) {
        double[] h = initial(in, 5, d, n, examples, hidden);
        double[] c = initial(in, 6, d, n, examples, hidden);
        for (int s = 0; s < steps; s++) {
          int t = reverse ? steps - 1 - s : s;
          double[] gx = new double[gates * hidden];
          double[] gh = new double[gates * hidden];
          for (int r = 0; r < gates * hidden; r++) {
            for (int i = 0; i < width; i++) {
              gx[r] +=
                  in.get(1).values()[(d * gates * hidden + r) * width + i]
                      * x.values()[(t * examples + n) * width + i];
            }
            gh[r] = product(in.get(2), d, r, gates * hidden, h);
            if (in.size() > 3 && in.get(3) != null) {
              gx[r] += in.get(3).values()[d * 2 * gates * hidden + r];
              gh[r] += in.get(3).values()[(d * 2 + 1) * gates * hidden + r];
            }
          }
          h =
              switch (op) {
                case "LSTM" -> lstm(gx, gh, c, hidden);
                case "GRU" -> gru(gx, gh, h, in, d, hidden, a);
                default -> plain(gx, gh, a);
              };
          System.arraycopy(h, 0, y, ((t * directions + d) * examples + n) * hidden, hidden);
        }
        System.arraycopy(h, 0, last, (d * examples + n) * hidden, hidden);
        System.arraycopy(c, 0, cells, (d * examples + n) * hidden, hidden);
      }
    }
    long[] state = {directions, examples, hidden};
    return List.of(
        Reference.floats(new long[] {steps, directions, examples, hidden}, y),
        Reference.floats(state, last),
        Reference.floats(state, cells));
  }

  private static double[] initial(List<Array> in, int i, int d, int n, int examples, int hidden) {
    double[] state = new double[hidden];
    if (in.size() > i && in.get(i) != null) {
      System.arraycopy(in.get(i).values(), (d * examples + n) * hidden, state, 0, hidden);
    }
    return state;
  }

  private static double product(Array r, int d, int row, int rows, double[] h) {
    double sum = 0;
    for (int i = 0; i < h.length; i++) {
      sum += r.values()[(d * rows + row) * h.length + i] * h[i];
    }
    return sum;
  }

  private static double[] plain(double[] gx, double[] gh, Map<String, Object> a) {
    String[] names = (String[]) a.getOrDefault("activations", new String[] {"Tanh"});
    DoubleUnaryOperator f = names[0].equals("Relu") ? v -> Math.max(0, v) : Math::tanh;
    double[] h = new double[gx.length];
    for (int i = 0; i < h.length; i++) {
      h[i] = f.applyAsDouble(gx[i] + gh[i]);
    }
    return h;
  }

  /** Gates i, o, f, c. */
  private static double[] lstm(double[] gx, double[] gh, double[] c, int hidden) {
    double[] h = new double[hidden];
    for (int i = 0; i < hidden; i++) {
      double in = Reference.sigmoid(gx[i] + gh[i]);
      double out = Reference.sigmoid(gx[hidden + i] + gh[hidden + i]);
      double forget = Reference.sigmoid(gx[2 * hidden + i] + gh[2 * hidden + i]);
      c[i] = forget * c[i] + in * Math.tanh(gx[3 * hidden + i] + gh[3 * hidden + i]);
      h[i] = out * Math.tanh(c[i]);
    }
    return h;
  }

  /** Gates z, r, h. */
  private static double[] gru(
      double[] gx,
      double[] gh,
      double[] before,
      List<Array> in,
      int d,
      int hidden,
      Map<String, Object> a) {
    boolean afterwards = ((Number) a.getOrDefault("linear_before_reset", 0)).intValue() == 1;
    double[] z = new double[hidden];
    double[] r = new double[hidden];
    double[] reset = new double[hidden];
    for (int i = 0; i < hidden; i++) {
      z[i] = Reference.sigmoid(gx[i] + gh[i]);
      r[i] = Reference.sigmoid(gx[hidden + i] + gh[hidden + i]);
      reset[i] = r[i] * before[i];
    }
    double[] h = new double[hidden];
    for (int i = 0; i < hidden; i++) {
      double state = r[i] * gh[2 * hidden + i];
      if (!afterwards) {
        boolean biased = in.size() > 3 && in.get(3) != null;
        double bias = biased ? in.get(3).values()[(d * 2 + 1) * 3 * hidden + 2 * hidden + i] : 0;
        state = product(in.get(2), d, 2 * hidden + i, 3 * hidden, reset) + bias;
      }
      h[i] = (1 - z[i]) * Math.tanh(gx[2 * hidden + i] + state) + z[i] * before[i];
    }
    return h;
  }
}
