package dynaxx.onnx;

import java.util.Map;
import java.util.stream.IntStream;

/** Test models of what is rare in exports, and of depth. */
final class RareModels {

  private RareModels() {}

  static void addTo(Map<String, TestModel> models) {
    models.put("reductions of constants", constantReductions());
    models.put("group norm, gains for groups", groupNorm(18, 2));
    models.put("group norm, gains for channels", groupNorm(21, 4));
    models.put("rnn, examples first", examplesFirst());
    models.put("lstm with initial states", initialStates());
    models.put("softmax of several axes", severalAxes());
    models.put("matrices of higher rank", higherRank());
    models.put("powers", powers());
    models.put("an exponent that is used elsewhere", sharedExponent());
    models.put("arithmetic before a step", beforeStep());
    models.put("positions repeated for examples", repeatedPositions());
    models.put("slices of parameters", slices());
    models.put("vision transformer of twelve blocks", visionTransformer());
  }

  private static TestModel constantReductions() {
    TestModel m = new TestModel(18, 31).input(-1, 3);
    double[] values = {-1, 2, -3, 0.5, -0.25, 4};
    TestModel.Array array = new TestModel.Array(new long[] {2, 3}, values, false);
    String c = m.add("Constant", Map.of("value", array));
    String x = m.add("Mul", "x", m.weight("w", 3));
    for (String op : "ReduceL1 ReduceL2 ReduceSumSquare ReduceMean".split(" ")) {
      x = m.add("Mul", x, m.add(op, c, m.ints(0), Map.of("keepdims", 0)));
      x = m.add("Mul", x, m.add(op, m.weight("w" + op, 3, 2), m.ints(1), Map.of("keepdims", 0)));
      Map<String, Object> noop = Map.of("noop_with_empty_axes", 1);
      x = m.add("Add", x, m.add(op, m.weight("n" + op, 3), noop));
    }
    return m.output(x);
  }

  private static TestModel groupNorm(long opset, int gains) {
    TestModel m = new TestModel(opset, 32).input(-1, 4, 3, 2);
    String x = m.add("Conv", "x", m.weight("c", 4, 4, 1, 1));
    Map<String, Object> two = Map.of("num_groups", 2, "epsilon", 1e-4f);
    return m.output(m.add("GroupNormalization", x, m.gain("g", gains), m.weight("b", gains), two));
  }

  private static TestModel examplesFirst() {
    TestModel m = new TestModel(14, 33).input(-1, 4, 3);
    String gru =
        m.all(
                "GRU",
                2,
                "x",
                m.weight("gw", 2, 12, 3),
                m.weight("gr", 2, 12, 4),
                m.weight("gb", 2, 24),
                Map.of(
                    "hidden_size",
                    4,
                    "layout",
                    1,
                    "direction",
                    "bidirectional",
                    "linear_before_reset",
                    1))
            .getFirst();
    String x = m.add("Reshape", gru, m.ints(0, 0, 8));
    String y =
        m.all(
                "RNN",
                2,
                x,
                m.weight("w", 1, 5, 8),
                m.weight("r", 1, 5, 5),
                Map.of("hidden_size", 5, "layout", 1))
            .getLast();
    return m.output(m.add("Reshape", y, m.ints(-1, 5)));
  }

  private static TestModel initialStates() {
    TestModel m = new TestModel(14, 34).input(-1, 3, 4);
    String x = m.add("Transpose", "x", Map.of("perm", new long[] {1, 0, 2}));
    String n = m.add("Slice", m.add("Shape", "x"), m.ints(0), m.ints(1), m.ints(0));
    String shape = m.add("Concat", m.ints(2), n, m.ints(3), Map.of("axis", 0));
    var outputs =
        m.all(
            "LSTM",
            3,
            x,
            m.weight("w", 2, 12, 4),
            m.weight("r", 2, 12, 3),
            m.weight("b", 2, 24),
            "",
            m.add("Expand", m.weight("h0", 2, 1, 3), shape),
            m.add(
                "Tile", m.weight("c0", 2, 1, 3), m.add("Concat", m.ints(1), n, m.ints(1), axis0())),
            Map.of("hidden_size", 3, "direction", "bidirectional"));
    String last = m.add("Transpose", outputs.get(1), Map.of("perm", new long[] {1, 0, 2}));
    String cells = m.add("Transpose", outputs.get(2), Map.of("perm", new long[] {1, 0, 2}));
    return m.output(m.add("Concat", last, cells, Map.of("axis", 1)));
  }

  private static Map<String, Object> axis0() {
    return Map.of("axis", 0);
  }

  /** Before operator set 13 the axes from one on are taken together. */
  private static TestModel severalAxes() {
    TestModel m = new TestModel(11, 35).input(-1, 3, 2, 4);
    String x = m.add("Mul", "x", m.weight("w", 3, 2, 4));
    String a = m.add("Softmax", x, Map.of("axis", 2));
    String b = m.add("LogSoftmax", m.add("Tanh", x));
    return m.output(m.add("Mul", a, b));
  }

  private static TestModel higherRank() {
    TestModel m = new TestModel(13, 36).input(-1, 4);
    String x = m.add("MatMul", "x", m.weight("w", 1, 4, 6));
    x = m.add("Tanh", m.add("Squeeze", x, m.ints(0)));
    String rows = m.add("Reshape", x, m.ints(-1, 3, 2));
    String y = m.add("MatMul", m.weight("left", 1, 1, 5, 3), rows);
    y = m.add("Squeeze", y, m.ints(0));
    String dot = m.add("MatMul", m.weight("p", 3), m.weight("q", 3));
    return m.output(m.add("Mul", y, dot));
  }

  private static TestModel powers() {
    TestModel m = new TestModel(13, 37).input(-1, 5);
    String x = m.add("Mul", "x", m.weight("w", 5));
    String square = m.add("Pow", x, m.ints(2));
    String mixed = m.add("Pow", x, m.floats("running", new long[] {5}, 2, 3, 1, 0, 2));
    String wide = m.add("Pow", m.add("Unsqueeze", x, m.ints(1)), column(m, 2, 3));
    String sum = m.add("Add", m.add("Unsqueeze", m.add("Add", square, mixed), m.ints(1)), wide);
    String base = m.floats("base", new long[] {5}, 0.5, 1, 2, 3, 0.1);
    sum = m.add("Add", sum, m.add("Unsqueeze", m.add("Pow", base, x), m.ints(1)));
    sum = m.add("Clip", sum, m.number(-2), m.number(50));
    return m.output(
        m.add(
            "Add", sum, m.add("Unsqueeze", m.add("Clip", x, m.number(3), m.number(2)), m.ints(1))));
  }

  private static String column(TestModel m, double... values) {
    TestModel.Array array = new TestModel.Array(new long[] {values.length, 1}, values, true);
    return m.add("Constant", Map.of("value", array));
  }

  private static TestModel sharedExponent() {
    TestModel m = new TestModel(13, 38).input(-1, 3);
    String e = m.floats("exponent", new long[] {1}, 3);
    String x = m.add("Mul", "x", m.weight("w", 3));
    return m.output(m.add("Mul", m.add("Pow", x, e), e));
  }

  private static TestModel beforeStep() {
    TestModel m = new TestModel(13, 39).input(-1, 3);
    String scale = m.floats("running_scale", new long[] {3}, 0.7, -1.2, 2.9);
    String steps = m.add("Floor", m.add("Mul", scale, m.number(2)));
    String y = m.add("Mul", m.add("Mul", "x", m.weight("w", 3)), steps);
    String half = m.floats("running_half", new long[] {1}, 0.5);
    String width = m.add("Cast", m.add("Mul", m.number(6), half), Map.of("to", 7));
    return m.output(m.add("Reshape", y, m.add("Concat", m.ints(-1), width, axis0())));
  }

  /** Constants that are given the number of examples, which the file leaves open. */
  private static TestModel repeatedPositions() {
    TestModel m = new TestModel(14, 40).tokens(-1, 4);
    String shape = m.add("Shape", "x");
    String n = m.add("Slice", shape, m.ints(0), m.ints(1), m.ints(0));
    TestModel.Array ids = new TestModel.Array(new long[] {1, 4}, new double[] {3, 0, 2, 2}, true);
    String places = m.add("Expand", m.add("Constant", Map.of("value", ids)), shape);
    String y = m.add("Gather", m.weight("table", 6, 3), "x");
    y = m.add("Add", y, m.add("Gather", m.weight("places", 5, 3), places));
    double[] hidden = IntStream.range(0, 16).mapToDouble(i -> i % 4 > i / 4 ? 1 : 0).toArray();
    TestModel.Array mask = new TestModel.Array(new long[] {1, 4, 4}, hidden, true);
    String square = m.add("Concat", n, m.ints(4, 4), axis0());
    String shown = m.add("Expand", m.add("Constant", Map.of("value", mask)), square);
    String s = m.add("MatMul", y, m.add("Transpose", y, Map.of("perm", new long[] {0, 2, 1})));
    s = m.add("Where", m.add("Equal", shown, m.ints(1)), m.number(-1e4), s);
    y = m.add("MatMul", m.add("Softmax", s), y);
    double[] offset = {0.5, -1, 2};
    String shift = m.add("Unsqueeze", m.floats("shift", new long[] {3}, offset), m.ints(0));
    String tiled = m.add("Tile", shift, m.add("Concat", n, m.ints(1), axis0()));
    return m.output(m.add("Mul", y, m.add("Unsqueeze", tiled, m.ints(1))));
  }

  /** Rows, columns and every third row of parameters that no layer takes as they lie. */
  private static TestModel slices() {
    TestModel m = new TestModel(13, 41).input(-1, 3);
    String big = m.weight("big", 6, 5);
    String row = m.add("Slice", big, m.ints(2), m.ints(3), m.ints(0));
    String x = m.add("Mul", "x", m.add("Slice", row, m.ints(1), m.ints(4), m.ints(1)));
    String some = m.add("Slice", big, m.ints(1), m.ints(6), m.ints(0), m.ints(3));
    some = m.add("Slice", some, m.ints(2), m.ints(5), m.ints(1));
    String y = m.add("Mul", m.add("Unsqueeze", x, m.ints(1)), some);
    String rows = m.add("Slice", big, m.ints(4), m.ints(6), m.ints(0));
    String z = m.add("ReduceSum", m.add("Tanh", rows), m.ints(1));
    return m.output(m.add("Add", y, z));
  }

  /** Patches, class token, learned positions, twelve blocks with the norms in front. */
  private static TestModel visionTransformer() {
    int width = 6;
    TestModel m = new TestModel(17, 42).input(-1, 1, 4, 4);
    Map<String, Object> two = Map.of("strides", new long[] {2, 2});
    String x = m.add("Conv", "x", m.weight("patch", width, 1, 2, 2), m.weight("pb", width), two);
    x = m.add("Reshape", x, m.ints(0, width, 4));
    x = m.add("Transpose", x, Map.of("perm", new long[] {0, 2, 1}));
    String n = m.add("Slice", m.add("Shape", "x"), m.ints(0), m.ints(1), m.ints(0));
    String one = m.add("Concat", n, m.ints(1, width), axis0());
    x = m.add("Concat", m.add("Expand", m.weight("cls", 1, 1, width), one), x, Map.of("axis", 1));
    x = m.add("Add", x, m.weight("positions", 1, 5, width));
    for (int block = 0; block < 12; block++) {
      x = block(m, x, "b" + block + ".", width);
    }
    String top = m.add("Gather", norm(m, x, "n", width), index(m, 0), Map.of("axis", 1));
    return m.output(
        m.add("Gemm", top, m.weight("head", 3, width), m.weight("hb", 3), Map.of("transB", 1)));
  }

  private static String index(TestModel m, double value) {
    TestModel.Array array = new TestModel.Array(new long[0], new double[] {value}, true);
    return m.add("Constant", Map.of("value", array));
  }

  private static String norm(TestModel m, String x, String name, int width) {
    String gain = m.gain(name + ".weight", width);
    return m.add("LayerNormalization", x, gain, m.weight(name + ".bias", width));
  }

  private static String linear(TestModel m, String x, String name, int in, int out) {
    String w = m.add("Transpose", m.weight(name, out, in), Map.of("perm", new long[] {1, 0}));
    return m.add("Add", m.weight(name + ".bias", out), m.add("MatMul", x, w));
  }

  private static String block(TestModel m, String x, String name, int width) {
    String h = linear(m, norm(m, x, name + "n1", width), name + "qkv", width, 3 * width);
    h = m.add("Reshape", h, m.ints(0, 0, 3, 2, width / 2));
    h = m.add("Transpose", h, Map.of("perm", new long[] {2, 0, 3, 1, 4}));
    String q = m.add("Gather", h, index(m, 0));
    String k = m.add("Gather", h, index(m, 1));
    String v = m.add("Gather", h, index(m, 2));
    k = m.add("Transpose", k, Map.of("perm", new long[] {0, 1, 3, 2}));
    String s = m.add("Mul", m.add("MatMul", q, k), m.number(1 / Math.sqrt(width / 2.0)));
    String o = m.add("MatMul", m.add("Softmax", s, Map.of("axis", -1)), v);
    o = m.add("Transpose", o, Map.of("perm", new long[] {0, 2, 1, 3}));
    o = linear(m, m.add("Reshape", o, m.ints(0, 0, width)), name + "out", width, width);
    String y = m.add("Add", x, o);
    h = linear(m, norm(m, y, name + "n2", width), name + "up", width, 8);
    String inner = m.add("Add", m.add("Erf", m.add("Div", h, m.number(Math.sqrt(2)))), m.number(1));
    h = m.add("Mul", m.add("Mul", h, inner), m.number(0.5));
    return m.add("Add", y, linear(m, h, name + "down", 8, width));
  }
}
