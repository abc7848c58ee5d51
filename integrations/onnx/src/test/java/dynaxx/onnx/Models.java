package dynaxx.onnx;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;

/** Test models as exporters write them. */
final class Models {

  private Models() {}

  static Map<String, TestModel> all() {
    Map<String, TestModel> models = new LinkedHashMap<>();
    models.put("deep linear", deep(null));
    models.put("deep relu", deep("Relu"));
    models.put("residual convolutions", convolutions());
    models.put("signals", signals());
    models.put("averages", averages());
    models.put("lstm, both directions", lstm());
    models.put("gru and rnn", gruAndRnn());
    models.put("llama block", llama(true));
    models.put("llama block, keys for each head", llama(false));
    models.put("merged heads, sequence first", mergedHeads());
    models.put("bert block", bert());
    models.put("functions", functions());
    models.put("arrangements", arrangements());
    models.put("computed weights", computedWeights());
    models.put("reductions", reductions());
    models.put("einsum", einsum());
    models.put("tokens", tokens());
    models.put("fixed batch of one", fixed(1));
    models.put("fixed batch of three", fixed(3));
    models.put("group norm as exported", groupNorm());
    RareModels.addTo(models);
    NewerModels.addTo(models);
    return models;
  }

  /** Weights [in x out], as Keras keeps them, and untransposed ones, at operator set 21. */
  private static TestModel deep(String activation) {
    TestModel m = new TestModel(21, 1).input(-1, 6);
    String x = "x";
    int in = 6;
    for (int layer = 0; layer < 6; layer++) {
      int out = layer == 5 ? 4 : 7;
      if (layer % 2 == 0) {
        x = m.add("MatMul", x, m.weight("w" + layer, in, out));
        x = m.add("Add", x, m.weight("b" + layer, out));
      } else {
        x =
            m.add(
                "Gemm",
                x,
                m.weight("w" + layer, out, in),
                m.weight("b" + layer, out),
                Map.of("transB", 1, "alpha", 0.5f, "beta", 2f));
      }
      x = activation == null || layer == 5 ? x : m.add(activation, x);
      in = out;
    }
    return m;
  }

  private static String batchNorm(TestModel m, String x, String name, int channels) {
    double[] mean = IntStream.range(0, channels).mapToDouble(i -> 0.1 * i - 0.2).toArray();
    double[] variance = IntStream.range(0, channels).mapToDouble(i -> 0.5 + 0.3 * i).toArray();
    return m.add(
        "BatchNormalization",
        x,
        m.gain(name + ".weight", channels),
        m.weight(name + ".bias", channels),
        m.floats(name + ".running_mean", new long[] {channels}, mean),
        m.floats(name + ".running_var", new long[] {channels}, variance),
        Map.of("epsilon", 1e-5f));
  }

  private static TestModel convolutions() {
    TestModel m = new TestModel(13, 2).input(-1, 4, 7, 6);
    long[] pads = {1, 1, 1, 1};
    String x = m.add("Conv", "x", m.weight("c1", 6, 2, 3, 3), Map.of("group", 2, "pads", pads));
    x = m.add("Relu", batchNorm(m, x, "n1", 6));
    String y =
        m.add(
            "Conv",
            x,
            m.weight("c2", 6, 1, 3, 2),
            m.weight("b2", 6),
            Map.of("group", 6, "strides", new long[] {2, 1}, "pads", new long[] {1, 0, 1, 1}));
    String shortcut =
        m.add("Conv", x, m.weight("c3", 6, 6, 1, 1), Map.of("strides", new long[] {2, 1}));
    x = m.add("Add", batchNorm(m, y, "n2", 6), shortcut);
    x =
        m.add(
            "MaxPool",
            m.add("Relu", x),
            Map.of(
                "kernel_shape", new long[] {2, 2}, "strides", new long[] {2, 2}, "ceil_mode", 1));
    x =
        m.add(
            "Conv",
            x,
            m.weight("c4", 5, 6, 2, 2),
            m.weight("b4", 5),
            Map.of("dilations", new long[] {1, 2}, "auto_pad", "SAME_UPPER"));
    x = m.add("GlobalAveragePool", m.add("HardSwish", x));
    x = m.add("Flatten", x);
    return m.output(m.add("Gemm", x, m.weight("fc", 3, 5), m.weight("fb", 3), Map.of("transB", 1)));
  }

  private static TestModel signals() {
    TestModel m = new TestModel(17, 3).input(-1, 3, 11);
    String x =
        m.add(
            "Conv",
            "x",
            m.weight("c1", 4, 3, 3),
            m.weight("b1", 4),
            Map.of("strides", new long[] {2}, "pads", new long[] {2, 1}));
    x =
        m.add(
            "InstanceNormalization", x, m.gain("g", 4), m.weight("b", 4), Map.of("epsilon", 1e-3f));
    x = m.add("Gelu", x);
    String pooled =
        m.add(
            "AveragePool",
            x,
            Map.of(
                "kernel_shape",
                new long[] {3},
                "strides",
                new long[] {2},
                "pads",
                new long[] {1, 1},
                "count_include_pad",
                1));
    String largest = m.add("MaxPool", x, Map.of("kernel_shape", new long[] {2}));
    String both = m.add("Concat", pooled, largest, Map.of("axis", 2));
    String top = m.add("GlobalMaxPool", both);
    String all = m.add("Concat", both, top, Map.of("axis", -1));
    return m.output(m.add("LayerNormalization", all, m.gain("lg", 9), m.weight("lb", 9)));
  }

  private static TestModel averages() {
    TestModel m = new TestModel(19, 4).input(-1, 2, 6, 7);
    String x = m.add("Conv", "x", m.weight("c", 3, 2, 2, 2));
    Map<String, Object> ceil =
        Map.of(
            "kernel_shape",
            new long[] {3, 2},
            "strides",
            new long[] {2, 2},
            "pads",
            new long[] {1, 0, 1, 1},
            "ceil_mode",
            1);
    Map<String, Object> counting = new LinkedHashMap<>(ceil);
    counting.put("count_include_pad", 1);
    String a = m.add("AveragePool", x, ceil);
    String b = m.add("AveragePool", x, counting);
    String c = m.add("MaxPool", x, ceil);
    return m.output(m.add("Sum", a, b, c));
  }

  /** PyTorch's order of gates i, f, g, o put into that of ONNX, i, o, f, c. */
  private static String lstmOrder(TestModel m, String w, int hidden) {
    String[] parts = new String[4];
    int[] order = {0, 3, 1, 2};
    for (int i = 0; i < 4; i++) {
      int from = order[i] * hidden;
      parts[i] = m.add("Slice", w, m.ints(from), m.ints(from + hidden), m.ints(0));
    }
    return m.add("Concat", parts[0], parts[1], parts[2], parts[3], Map.of("axis", 0));
  }

  private static TestModel lstm() {
    TestModel m = new TestModel(14, 5).input(-1, 4, 3);
    String x = m.add("Transpose", "x", Map.of("perm", new long[] {1, 0, 2}));
    String[] w = new String[2];
    String[] r = new String[2];
    String[] b = new String[2];
    for (int d = 0; d < 2; d++) {
      String zero = m.ints(0);
      w[d] = m.add("Unsqueeze", lstmOrder(m, m.weight("w" + d, 20, 3), 5), zero);
      r[d] = m.add("Unsqueeze", lstmOrder(m, m.weight("r" + d, 20, 5), 5), zero);
      String biases =
          m.add(
              "Concat",
              lstmOrder(m, m.weight("bi" + d, 20), 5),
              lstmOrder(m, m.weight("bh" + d, 20), 5),
              Map.of("axis", 0));
      b[d] = m.add("Unsqueeze", biases, zero);
    }
    Map<String, Object> axis = Map.of("axis", 0);
    String state = m.add("Concat", m.ints(2), examples(m), m.ints(5), axis);
    TestModel.Array zeros = new TestModel.Array(new long[] {1}, new double[] {0}, false);
    String h0 = m.add("Expand", m.add("Constant", Map.of("value", zeros)), state);
    var outputs =
        m.all(
            "LSTM",
            3,
            x,
            m.add("Concat", w[0], w[1], axis),
            m.add("Concat", r[0], r[1], axis),
            m.add("Concat", b[0], b[1], axis),
            "",
            h0,
            h0,
            Map.of("hidden_size", 5, "direction", "bidirectional"));
    String y = m.add("Transpose", outputs.get(0), Map.of("perm", new long[] {2, 0, 1, 3}));
    y = m.add("Reshape", y, m.ints(0, 4, 10));
    String cells = m.add("Transpose", outputs.get(2), Map.of("perm", new long[] {1, 0, 2}));
    cells = m.add("Reshape", cells, m.ints(-1, 1, 10));
    return m.output(m.add("Concat", y, cells, Map.of("axis", 1)));
  }

  /** The number of examples as a vector of one. */
  private static String examples(TestModel m) {
    return m.add("Slice", m.add("Shape", "x"), m.ints(0), m.ints(1), m.ints(0));
  }

  private static TestModel gruAndRnn() {
    TestModel m = new TestModel(11, 6).input(-1, 4, 3);
    String x = m.add("Transpose", "x", Map.of("perm", new long[] {1, 0, 2}));
    String h0 =
        m.add(
            "Expand",
            m.weight("h0", 1, 1, 4),
            m.add("Concat", m.ints(1), examples(m), m.ints(4), Map.of("axis", 0)));
    String gru =
        m.all(
                "GRU",
                2,
                x,
                m.weight("gw", 1, 12, 3),
                m.weight("gr", 1, 12, 4),
                m.weight("gb", 1, 24),
                "",
                h0,
                Map.of("hidden_size", 4))
            .getFirst();
    gru =
        m.add(
            "Reshape",
            m.add("Transpose", gru, Map.of("perm", new long[] {0, 2, 1, 3})),
            m.ints(4, -1, 4));
    String rnn =
        m.all(
                "RNN",
                2,
                gru,
                m.weight("rw", 1, 5, 4),
                m.weight("rr", 1, 5, 5),
                Map.of(
                    "hidden_size", 5, "direction", "reverse", "activations", new String[] {"Relu"}))
            .getLast();
    return m.output(m.add("Reshape", rnn, m.ints(-1, 5)));
  }

  private static String rms(TestModel m, String x, String name, int width) {
    String square = m.add("Pow", x, m.number(2));
    String mean = m.add("ReduceMean", square, m.ints(-1));
    String root = m.add("Sqrt", m.add("Add", mean, m.number(1e-6)));
    String normal = m.add("Mul", x, m.add("Reciprocal", root));
    return m.add("Mul", m.gain(name, width), normal);
  }

  /** RMSNorm, rotary grouped-query attention with a causal mask, SwiGLU. */
  private static TestModel llama(boolean grouped) {
    int tokens = 5;
    int width = 8;
    int heads = 4;
    int keys = grouped ? 2 : 4;
    int depth = 2;
    TestModel m = new TestModel(18, 7).input(-1, tokens, width);
    String n = rms(m, "x", "norm1", width);
    String q = rotated(m, headed(m, n, "q", heads, depth), tokens, depth);
    String k = rotated(m, headed(m, n, "k", keys, depth), tokens, depth);
    String v = headed(m, n, "v", keys, depth);
    if (grouped) {
      k = repeated(m, k, keys, heads / keys, tokens, depth);
      v = repeated(m, v, keys, heads / keys, tokens, depth);
    }
    String kt = m.add("Transpose", k, Map.of("perm", new long[] {0, 1, 3, 2}));
    String s = m.add("MatMul", q, kt);
    s = m.add("Mul", s, m.number(1 / Math.sqrt(depth)));
    double[] mask = new double[tokens * tokens];
    for (int i = 0; i < mask.length; i++) {
      mask[i] = i % tokens > i / tokens ? -1e9 : 0;
    }
    TestModel.Array all = new TestModel.Array(new long[] {1, 1, tokens, tokens}, mask, false);
    s = m.add("Add", s, m.add("Constant", Map.of("value", all)));
    String o = m.add("MatMul", m.add("Softmax", s), v);
    o = m.add("Transpose", o, Map.of("perm", new long[] {0, 2, 1, 3}));
    o = m.add("Reshape", o, m.ints(0, 0, -1));
    String x = m.add("Add", "x", m.add("MatMul", o, turned(m, m.weight("o", width, width))));
    String h = rms(m, x, "norm2", width);
    String gate = m.add("MatMul", h, turned(m, m.weight("gate", 12, width)));
    String silu = m.add("Mul", gate, m.add("Sigmoid", gate));
    String up = m.add("MatMul", h, turned(m, m.weight("up", 12, width)));
    String down = m.add("MatMul", m.add("Mul", silu, up), turned(m, m.weight("down", width, 12)));
    return m.output(m.add("Add", x, down));
  }

  private static String turned(TestModel m, String weight) {
    return m.add("Transpose", weight, Map.of("perm", new long[] {1, 0}));
  }

  private static String headed(TestModel m, String x, String name, int heads, int depth) {
    String y = m.add("MatMul", x, turned(m, m.weight(name, heads * depth, 8)));
    y = m.add("Reshape", y, m.ints(0, 0, heads, depth));
    return m.add("Transpose", y, Map.of("perm", new long[] {0, 2, 1, 3}));
  }

  private static String rotated(TestModel m, String x, int tokens, int depth) {
    double[] cos = new double[tokens * depth];
    double[] sin = new double[tokens * depth];
    for (int i = 0; i < cos.length; i++) {
      cos[i] = Math.cos(i / depth);
      sin[i] = Math.sin(i / depth);
    }
    long[] dims = {1, 1, tokens, depth};
    String c = m.add("Constant", Map.of("value", new TestModel.Array(dims, cos, false)));
    String s = m.add("Constant", Map.of("value", new TestModel.Array(dims, sin, false)));
    int half = depth / 2;
    String low = m.add("Slice", x, m.ints(0), m.ints(half), m.ints(3));
    String high = m.add("Slice", x, m.ints(half), m.ints(Integer.MAX_VALUE), m.ints(-1));
    String swapped = m.add("Concat", m.add("Neg", high), low, Map.of("axis", -1));
    return m.add("Add", m.add("Mul", x, c), m.add("Mul", swapped, s));
  }

  private static String repeated(
      TestModel m, String x, int keys, int times, int tokens, int depth) {
    String y = m.add("Unsqueeze", x, m.ints(2));
    y = m.add("Expand", y, m.ints(1, keys, times, tokens, depth));
    return m.add("Reshape", y, m.ints(-1, (long) keys * times, tokens, depth));
  }

  /** As torch.nn.MultiheadAttention is exported: the sequence first, examples and heads merged. */
  private static TestModel mergedHeads() {
    int tokens = 4;
    int width = 6;
    int heads = 3;
    TestModel m = new TestModel(14, 8).input(-1, tokens, width);
    String x = m.add("Transpose", "x", Map.of("perm", new long[] {1, 0, 2}));
    String n = examples(m);
    String merged = m.add("Mul", n, m.ints(heads));
    String split = m.add("Concat", m.ints(tokens), merged, m.ints(2), Map.of("axis", 0));
    String[] part = new String[3];
    String all = m.weight("in_proj_weight", 3 * width, width);
    String biases = m.weight("in_proj_bias", 3 * width);
    for (int i = 0; i < 3; i++) {
      String w = m.add("Slice", all, m.ints((long) i * width), m.ints((i + 1L) * width), m.ints(0));
      String b =
          m.add("Slice", biases, m.ints((long) i * width), m.ints((i + 1L) * width), m.ints(0));
      String y = m.add("Add", m.add("MatMul", x, turned(m, w)), b);
      y = m.add("Reshape", y, split);
      part[i] = m.add("Transpose", y, Map.of("perm", new long[] {1, 0, 2}));
    }
    String q = m.add("Div", part[0], m.number(Math.sqrt(2)));
    String kt = m.add("Transpose", part[1], Map.of("perm", new long[] {0, 2, 1}));
    String p = m.add("Softmax", m.add("MatMul", q, kt), Map.of("axis", -1));
    String o =
        m.add("Transpose", m.add("MatMul", p, part[2]), Map.of("perm", new long[] {1, 0, 2}));
    String rows = m.add("Mul", n, m.ints(tokens));
    o = m.add("Reshape", o, m.add("Concat", rows, m.ints(width), Map.of("axis", 0)));
    o =
        m.add(
            "Gemm",
            o,
            m.weight("out_proj", width, width),
            m.weight("out_bias", width),
            Map.of("transB", 1));
    o = m.add("Reshape", o, m.add("Concat", m.ints(tokens), n, m.ints(width), Map.of("axis", 0)));
    return m.output(m.add("Transpose", m.add("Tanh", o), Map.of("perm", new long[] {1, 0, 2})));
  }

  /**
   * LayerNorm after, both forms of GELU, keys and values from their own layers, a mask by Where.
   */
  private static TestModel bert() {
    TestModel m = new TestModel(13, 9).input(-1, 4, 8);
    String x = m.add("Add", "x", m.weight("positions", 1, 4, 8));
    String q = headed(m, x, "q", 2, 4);
    String k = headed(m, x, "k", 2, 4);
    String v = headed(m, x, "v", 2, 4);
    String root = m.number(Math.pow(4, -0.25));
    q = m.add("Mul", q, root);
    k = m.add("Mul", m.add("Transpose", k, Map.of("perm", new long[] {0, 1, 3, 2})), root);
    double[] shown = new double[16];
    for (int i = 0; i < 16; i++) {
      shown[i] = i % 4 <= i / 4 ? 1 : 0;
    }
    String mask =
        m.add("Constant", Map.of("value", new TestModel.Array(new long[] {4, 4}, shown, true)));
    String s = m.add("Where", mask, m.add("MatMul", q, k), m.number(-1e9));
    String o = m.add("MatMul", m.add("Softmax", s, Map.of("axis", -1)), v);
    o = m.add("Transpose", o, Map.of("perm", new long[] {0, 2, 1, 3}));
    o = m.add("Reshape", o, m.ints(0, 0, 8));
    x = layerNorm(m, m.add("Add", x, o), "n1");
    String h = m.add("Add", m.add("MatMul", x, m.weight("up", 8, 10)), m.weight("ub", 10));
    String inner = m.add("Add", m.add("Erf", m.add("Div", h, m.number(Math.sqrt(2)))), m.number(1));
    h = m.add("Mul", m.add("Mul", h, inner), m.number(0.5));
    h = m.add("MatMul", h, m.weight("down", 10, 8));
    String cube = m.add("Mul", m.add("Pow", h, m.number(3)), m.number(0.044715));
    String u = m.add("Mul", m.add("Add", h, cube), m.number(Math.sqrt(2 / Math.PI)));
    String tanh = m.add("Add", m.number(1), m.add("Tanh", u));
    h = m.add("Mul", m.add("Mul", m.number(0.5), h), tanh);
    return m.output(layerNorm(m, m.add("Add", x, h), "n2"));
  }

  private static String layerNorm(TestModel m, String x, String name) {
    Map<String, Object> last = Map.of("axes", new long[] {-1});
    String d = m.add("Sub", x, m.add("ReduceMean", x, last));
    String variance = m.add("ReduceMean", m.add("Mul", d, d), last);
    String root = m.add("Sqrt", m.add("Add", variance, m.number(1e-5)));
    String y = m.add("Mul", m.add("Div", d, root), m.gain(name + ".weight", 8));
    return m.add("Add", y, m.weight(name + ".bias", 8));
  }

  private static TestModel functions() {
    TestModel m = new TestModel(20, 10).input(-1, 5);
    String x = m.add("Add", "x", m.weight("shift", 5));
    String sum = m.add("Relu", x);
    for (String op :
        ("Tanh Sigmoid Softplus Exp Abs Neg Erf Sin Cos Softsign LeakyRelu Elu Selu Celu"
                + " HardSigmoid HardSwish Mish Gelu")
            .split(" ")) {
      sum = m.add("Add", sum, m.add("Mul", m.add(op, x), m.weight("w" + op, 1, 5)));
    }
    String positive = m.add("Add", m.add("Mul", x, x), m.number(0.5));
    sum = m.add("Add", sum, m.add("Log", positive));
    sum = m.add("Sub", m.add("Pow", positive, m.weight("exponent", 1)), sum);
    sum = m.add("Max", sum, x, m.number(-0.3));
    sum = m.add("Min", sum, positive, m.weight("limit", 5));
    sum = m.add("PRelu", sum, m.weight("slope", 5));
    sum = m.add("Div", sum, m.add("Sqrt", positive));
    sum = m.add("Sub", m.number(2), m.add("Div", m.number(3), m.add("Add", positive, sum)));
    sum = m.add("Pow", m.number(1.3), sum);
    return m.output(m.add("LogSoftmax", m.add("Mul", sum, x)));
  }

  private static TestModel arrangements() {
    TestModel m = new TestModel(18, 11).input(-1, 3, 4);
    String x = m.add("MatMul", "x", m.weight("w", 4, 6));
    String y = m.add("Slice", x, m.ints(-1), m.ints(Integer.MIN_VALUE), m.ints(2), m.ints(-2));
    String z = m.add("Pad", x, m.ints(0, 1, 2, 0, 0, 1), m.number(0.5));
    String reflected = m.add("Pad", x, m.ints(0, 1, 2, 0, 1, 1), Map.of("mode", "reflect"));
    String edge = m.add("Pad", x, m.ints(0, 2, 0, 0, 0, 1), Map.of("mode", "edge"));
    String tiled = m.add("Tile", y, m.ints(1, 2, 1));
    var parts = m.all("Split", 3, x, m.ints(1, 3, 2), Map.of("axis", 2));
    TestModel.Array positions =
        new TestModel.Array(new long[] {2, 2}, new double[] {0, -1, 2, 2}, true);
    String gathered =
        m.add("Gather", x, m.add("Constant", Map.of("value", positions)), Map.of("axis", 2));
    String[] flat = {y, z, reflected, edge, tiled, parts.get(1), parts.get(2), gathered};
    for (int i = 0; i < flat.length; i++) {
      flat[i] = m.add("Flatten", flat[i]);
    }
    String all =
        m.add(
            "Concat",
            flat[0],
            flat[1],
            flat[2],
            flat[3],
            flat[4],
            flat[5],
            flat[6],
            flat[7],
            Map.of("axis", 1));
    String squeezed = m.add("Squeeze", parts.get(0), m.ints(2));
    String wide = m.add("Expand", m.add("Unsqueeze", squeezed, m.ints(-1)), m.ints(3, 2));
    wide = m.add("Mul", wide, m.weight("scale", 3, 1));
    return m.output(m.add("Concat", all, m.add("Reshape", wide, m.ints(0, 6)), Map.of("axis", 1)));
  }

  /** Weight normalisation, a sliced kernel, joined and tied weights. */
  private static TestModel computedWeights() {
    TestModel m = new TestModel(13, 12).input(-1, 2, 5, 5);
    String v = m.weight("v", 3, 2, 2, 2);
    String norm = m.add("ReduceL2", v, Map.of("axes", new long[] {1, 2, 3}, "keepdims", 1));
    String w = m.add("Mul", v, m.add("Div", m.gain("g", 3, 1, 1, 1), norm));
    String x = m.add("Conv", "x", w, m.weight("b", 3), Map.of("strides", new long[] {2, 1}));
    String big = m.weight("big", 4, 3, 2, 3);
    String cut = m.add("Slice", big, m.ints(1), m.ints(3), m.ints(0));
    x = m.add("Tanh", m.add("Conv", x, cut, Map.of("pads", new long[] {0, 1, 0, 1})));
    x = m.add("Flatten", x);
    String joined =
        m.add("Concat", m.weight("top", 4, 5), m.weight("bottom", 4, 5), Map.of("axis", 0));
    x = m.add("Add", m.add("MatMul", x, joined), m.number(0.25));
    x = m.add("Tanh", x);
    String tied = m.weight("tied", 5, 5);
    x = m.add("Tanh", m.add("MatMul", x, tied));
    return m.output(m.add("MatMul", x, turned(m, tied)));
  }

  private static TestModel reductions() {
    TestModel m = new TestModel(18, 13).input(-1, 3, 4);
    String x = m.add("MatMul", "x", m.weight("w", 4, 5));
    String a = m.add("ReduceSum", x, m.ints(1), Map.of("keepdims", 0));
    String b = m.add("ReduceMax", x, m.ints(-2), Map.of("keepdims", 0));
    String c = m.add("ReduceMean", x, m.ints(1, 2), Map.of("keepdims", 1));
    c = m.add("Squeeze", c, m.ints(1));
    String d = m.add("ReduceL2", x, m.ints(2), Map.of("keepdims", 0));
    String p = m.add("Softmax", x, Map.of("axis", 1));
    p = m.add("Reshape", p, m.ints(-1, 15));
    return m.output(m.add("Concat", a, b, c, d, p, Map.of("axis", -1)));
  }

  private static TestModel einsum() {
    TestModel m = new TestModel(13, 14).input(-1, 3, 4);
    String w = m.weight("w", 2, 4, 5);
    String y = m.add("Einsum", "x", w, Map.of("equation", "btd,hde->bhte"));
    String s = m.add("Einsum", y, y, Map.of("equation", "bhte,bhse->bhts"));
    String z = m.add("Einsum", s, y, Map.of("equation", "bhts,bhse->btes"));
    return m.output(m.add("Einsum", z, Map.of("equation", "btes->bste")));
  }

  private static TestModel tokens() {
    TestModel m = new TestModel(14, 15).tokens(-1, 4);
    String table = m.weight("table", 6, 5);
    String ids = m.add("Cast", m.add("Reshape", "x", m.ints(-1)), Map.of("to", 7));
    String x = m.add("Reshape", m.add("Gather", table, ids), m.ints(-1, 4, 5));
    String later = m.add("Slice", "x", m.ints(1), m.ints(4), m.ints(1));
    String next = m.add("Gather", m.weight("other", 6, 5), later);
    String positions = m.add("Gather", m.weight("positions", 8, 5), m.ints(0, 1, 2, 3));
    x = m.add("Add", x, positions);
    x = m.add("Tanh", m.add("Concat", x, next, Map.of("axis", 1)));
    return m.output(m.add("MatMul", x, turned(m, table)));
  }

  /** Exported with the number of examples written into the shapes. */
  private static TestModel fixed(int examples) {
    TestModel m = new TestModel(13, 16).input(examples, 4, 6);
    String x = m.add("Reshape", "x", m.ints(examples * 4L, 6));
    x = m.add("Gemm", x, m.weight("w", 6, 6));
    x = m.add("Reshape", x, m.ints(examples, 4, 2, 3));
    x = m.add("Transpose", x, Map.of("perm", new long[] {0, 2, 1, 3}));
    x = m.add("Reshape", x, m.ints(examples * 2L, 4, 3));
    x = m.add("Softmax", x);
    x = m.add("Reshape", x, m.ints(examples, 2, 4, 3));
    String token = m.add("Expand", m.weight("cls", 1, 1, 1, 3), m.ints(examples, 2, 1, 3));
    x = m.add("Concat", token, x, Map.of("axis", 2));
    x = m.add("Transpose", x, Map.of("perm", new long[] {2, 1, 0, 3}));
    x = m.add("Reshape", x, m.ints(5, 2, examples, 3));
    x = m.add("Transpose", x, Map.of("perm", new long[] {2, 0, 1, 3}));
    return m.output(m.add("Reshape", x, m.ints(examples, -1)));
  }

  /** As PyTorch exports GroupNorm before operator set 18. */
  private static TestModel groupNorm() {
    TestModel m = new TestModel(13, 17).input(-1, 4, 3, 2);
    String x = m.add("Conv", "x", m.weight("c", 4, 4, 1, 1));
    String shape = m.add("Shape", x);
    String rows = m.add("Reshape", x, m.ints(0, 2, -1));
    TestModel.Array one = new TestModel.Array(new long[] {2}, new double[] {1, 1}, false);
    TestModel.Array zero = new TestModel.Array(new long[] {2}, new double[] {0, 0}, false);
    String normal =
        m.add(
            "InstanceNormalization",
            rows,
            m.add("Constant", Map.of("value", one)),
            m.add("Constant", Map.of("value", zero)),
            Map.of("epsilon", 1e-5f));
    String y = m.add("Reshape", normal, shape);
    y = m.add("Mul", y, m.add("Unsqueeze", m.gain("weight", 4), m.ints(1, 2)));
    return m.output(m.add("Add", y, m.add("Unsqueeze", m.weight("bias", 4), m.ints(1, 2))));
  }
}
