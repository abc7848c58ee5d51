package dynaxx.onnx;

import java.util.Map;

/** Conditions on data, and operators that came with later sets or from images made larger. */
final class NewerModels {

  private NewerModels() {}

  static void addTo(Map<String, TestModel> models) {
    models.put("conditions on computed values", conditions());
    models.put("whole numbers from the input", tokens());
    models.put("image made larger", larger());
    models.put("running sums and the largest", ordered());
    models.put("places given and taken", places());
  }

  private static TestModel conditions() {
    TestModel m = new TestModel(24, 51).input(-1, 5);
    String h = m.add("Gemm", "x", m.weight("w1", 6, 5), m.weight("b1", 6), Map.of("transB", 1));
    String above = m.add("Greater", h, m.number(0.1));
    String below = m.add("Less", h, m.number(-0.2));
    String squares = m.add("Mul", h, h);
    String chosen = m.add("Where", above, squares, m.add("Sin", h));
    String both = m.add("And", m.add("Not", above), m.add("Not", below));
    String mask = m.add("Cast", both, Map.of("to", 1));
    String sign = m.add("Mul", m.add("Sign", h), m.add("Swish", h, Map.of("alpha", 1.5f)));
    String y = m.add("Add", m.add("Mul", chosen, m.add("Add", mask, m.number(1))), sign);
    y = m.add("Add", m.add("Atan", y), m.add("Mul", m.add("Asinh", y), m.add("Ceil", h)));
    return m.output(m.add("MatMul", y, m.weight("w2", 6, 3)));
  }

  /** A mean over tokens that are no padding, and a row for each count of them. */
  private static TestModel tokens() {
    TestModel m = new TestModel(17, 52).tokens(-1, 4);
    String e = m.add("Gather", m.weight("table", 6, 3), "x");
    String shown = m.add("Greater", "x", m.add("Constant", Map.of("value_ints", new long[] {1})));
    String mask = m.add("Cast", shown, Map.of("to", 1));
    String wide = m.add("Unsqueeze", mask, m.ints(2));
    String sum = m.add("ReduceSum", m.add("Mul", e, wide), m.ints(1), Map.of("keepdims", 0));
    String count = m.add("ReduceSum", mask, m.ints(1), Map.of("keepdims", 1));
    String mean = m.add("Div", sum, m.add("Max", count, m.number(1)));
    String whole =
        m.add("Cast", m.add("ReduceSum", mask, m.ints(1), Map.of("keepdims", 0)), Map.of("to", 7));
    String rows = m.add("Gather", m.weight("by_count", 5, 3), whole);
    return m.output(m.add("Add", mean, rows));
  }

  private static TestModel larger() {
    TestModel m = new TestModel(18, 53).input(-1, 2, 3, 4);
    String x =
        m.add("Conv", "x", m.weight("c1", 4, 2, 3, 3), Map.of("pads", new long[] {1, 1, 1, 1}));
    x = m.add("LRN", x, Map.of("size", 3, "alpha", 0.5f, "beta", 0.75f, "bias", 1.5f));
    String space = m.add("DepthToSpace", x, Map.of("blocksize", 2));
    String scales = m.floats("scales", new long[] {4}, 1, 1, 2, 1.5);
    String resized = m.add("Resize", space, "", scales, Map.of("mode", "linear"));
    String y =
        m.add(
            "ConvTranspose",
            resized,
            m.weight("c2", 1, 2, 3, 3),
            m.weight("b2", 2),
            Map.of("strides", new long[] {2, 1}, "pads", new long[] {1, 0, 1, 2}));
    return m.output(m.add("Flatten", y));
  }

  private static TestModel ordered() {
    TestModel m = new TestModel(17, 54).input(-1, 6);
    String h = m.add("Gemm", "x", m.weight("w1", 7, 6), m.weight("b1", 7), Map.of("transB", 1));
    String sums = m.add("CumSum", h, m.add("Constant", Map.of("value_ints", new long[] {1})));
    String top = m.all("TopK", 2, h, m.ints(3)).getFirst();
    String log = m.add("ReduceLogSumExp", h, Map.of("axes", new long[] {1}, "keepdims", 1));
    String all = m.add("Concat", sums, top, log, Map.of("axis", 1));
    return m.output(m.add("MatMul", all, m.weight("w2", 11, 2)));
  }

  private static TestModel places() {
    TestModel m = new TestModel(18, 55).input(-1, 5);
    String h = m.add("Gemm", "x", m.weight("w1", 5, 5), m.weight("b1", 5), Map.of("transB", 1));
    String one =
        m.add(
            "Constant",
            Map.of("value", new TestModel.Array(new long[] {1, 3}, new double[] {4, 0, 4}, true)));
    String size =
        m.add(
            "Concat",
            m.add("Slice", m.add("Shape", "x"), m.ints(0), m.ints(1)),
            m.ints(3),
            Map.of("axis", 0));
    String at = m.add("Expand", one, size);
    String taken = m.add("GatherElements", m.add("Tanh", h), at, Map.of("axis", 1));
    String put = m.add("ScatterElements", h, at, taken, Map.of("axis", 1, "reduction", "add"));
    return m.output(m.add("MatMul", put, m.weight("w2", 5, 2)));
  }
}
