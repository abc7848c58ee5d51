package dynaxx.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Attention and rotary positions as operators of their own, spelt out as the standard does. */
final class AttentionOperators {

  private static final Map<String, Object> LAST = Map.of("axis", -1L);

  private AttentionOperators() {}

  static void register(Map<String, Operator> operators) {
    operators.put("Attention", AttentionOperators::attention);
    operators.put("RotaryEmbedding", Operator.one(AttentionOperators::rotary));
  }

  private static Value reshape(Call c, Value x, long... to) {
    return c.run("Reshape", x, Call.wholesValue(to));
  }

  private static Value transpose(Call c, Value x, long... order) {
    return c.run("Transpose", Map.of("perm", order), x);
  }

  /** [batch x heads x tokens x width] of [batch x tokens x all widths]. */
  private static Value heads(Call c, Value x, String attribute) {
    if (x.rank() == 4) {
      return x;
    }
    long heads = c.whole(attribute, 0);
    long width = x.dims()[2];
    c.require(
        x.rank() == 3 && heads > 0 && width % heads == 0,
        heads + " heads",
        "a divisor of " + width);
    return transpose(c, reshape(c, x, 0, 0, heads, width / heads), 0, 2, 1, 3);
  }

  private static List<Value> attention(Call c) {
    boolean flat = c.in(0).rank() == 3;
    Value q = heads(c, c.in(0), "q_num_heads");
    Value k = heads(c, c.in(1), "kv_num_heads");
    Value v = heads(c, c.in(2), "kv_num_heads");
    long past = c.has(4) ? c.in(4).dims()[2] : 0;
    c.require(!(c.has(4) && c.has(6)), "past keys and lengths of keys", "one of them");
    k = c.has(4) ? c.run("Concat", Map.of("axis", 2L), c.in(4), k) : k;
    v = c.has(5) ? c.run("Concat", Map.of("axis", 2L), c.in(5), v) : v;
    List<Value> outputs = new ArrayList<>(Arrays.asList(null, k, v, null));
    long groups = q.dims()[1] / Math.max(1, k.dims()[1]);
    c.require(
        q.dims()[1] == groups * k.dims()[1], "heads that do not share keys evenly", "a multiple");
    Value keys = repeated(c, k, groups);
    Value values = repeated(c, v, groups);
    double scale = c.number("scale", 1 / Math.sqrt(q.dims()[3]));
    Value product = c.run("MatMul", q, transpose(c, keys, 0, 1, 3, 2));
    Value scores = c.run("Mul", product, Call.number(scale));
    double cap = c.number("softcap", 0);
    if (cap > 0) {
      Value inner = c.run("Tanh", c.run("Div", scores, Call.number(cap)));
      scores = c.run("Mul", inner, Call.number(cap));
    }
    Value before = scores;
    Value bias = bias(c, q.dims()[2], keys.dims()[2], past);
    scores = bias == null ? scores : c.run("Add", scores, bias);
    Value weights = weights(c, scores, bias);
    long mode = c.whole("qk_matmul_output_mode", 0);
    outputs.set(3, mode == 3 ? weights : output(c, mode, product, scale, before, scores));
    Value y = c.run("MatMul", weights, values);
    outputs.set(0, flat ? reshape(c, transpose(c, y, 0, 2, 1, 3), 0, 0, -1) : y);
    return outputs;
  }

  private static Value output(
      Call c, long mode, Value product, double scale, Value capped, Value masked) {
    return mode == 0 ? c.run("Mul", product, Call.number(scale)) : mode == 1 ? capped : masked;
  }

  private static Value repeated(Call c, Value x, long times) {
    if (times == 1) {
      return x;
    }
    long heads = x.dims()[1];
    Value wide = c.run("Unsqueeze", x, Call.wholesValue(2));
    Value all = c.run("Expand", wide, Call.wholesValue(1, 1, times, 1, 1));
    return reshape(c, all, 0, heads * times, x.dims()[2], x.dims()[3]);
  }

  /**
   * What is added to the scores: 0 where a key is seen, minus infinity where it is not; or null.
   */
  private static Value bias(Call c, long queries, long keys, long past) {
    Value bias = c.has(3) ? mask(c, c.in(3), keys) : null;
    boolean causal = c.whole("is_causal", 0) != 0;
    long left = c.whole("left_window_size", -1);
    long right = c.whole("right_window_size", -1);
    if (causal || left >= 0 || right >= 0) {
      long after = causal ? right >= 0 ? Math.min(0, right) : 0 : right;
      bias =
          add(
              c,
              bias,
              c.has(6)
                  ? shifted(c, queries, keys, left, after)
                  : band(queries, keys, past, left, after));
    }
    if (c.has(6)) {
      Value length = c.run("Unsqueeze", c.in(6), Call.wholesValue(1, 2, 3));
      Value at = Value.shared(positions(keys, 1, 1, 1, keys));
      bias = add(c, bias, hidden(c, c.run("Less", at, length)));
    }
    return bias;
  }

  private static Value add(Call c, Value a, Value b) {
    return a == null ? b : c.run("Add", a, b);
  }

  private static Value hidden(Call c, Value shown) {
    return c.run("Where", shown, Call.number(0), Call.number(Double.NEGATIVE_INFINITY));
  }

  private static Value mask(Call c, Value mask, long keys) {
    boolean truth =
        mask.body() instanceof Tensor t && t.isTruth()
            || mask.body() instanceof Whole w && w.type() == StoredTensor.BOOL;
    Value added = truth ? hidden(c, mask) : mask;
    long missing = keys - added.dims()[added.rank() - 1];
    if (missing <= 0) {
      return added;
    }
    long[] pads = new long[2 * added.rank()];
    pads[pads.length - 1] = missing;
    return c.run("Pad", added, Call.wholesValue(pads), Call.number(Double.NEGATIVE_INFINITY));
  }

  private static Tensor positions(long n, long... dims) {
    long[] at = new long[Math.toIntExact(n)];
    Arrays.setAll(at, i -> i);
    return Tensor.of(dims, at, false);
  }

  /** Keys from {@code query + offset - left} to {@code query + offset + right}; -1 for no limit. */
  private static Value band(long queries, long keys, long offset, long left, long right) {
    float[] values = new float[Linears.requireSize(queries, keys)];
    for (int i = 0; i < values.length; i++) {
      long distance = i % keys - (i / keys + offset);
      boolean seen = (right < 0 || distance <= right) && (left < 0 || -distance <= left);
      values[i] = seen ? 0 : Float.NEGATIVE_INFINITY;
    }
    return Value.shared(Tensor.of(new long[] {queries, keys}, values));
  }

  /** The same with an offset for each example: its number of keys less the queries. */
  private static Value shifted(Call c, long queries, long keys, long left, long right) {
    Value length = c.run("Unsqueeze", c.in(6), Call.wholesValue(1, 2, 3));
    Value rows = Value.shared(positions(queries, 1, 1, queries, 1));
    Value last = c.run("Add", rows, c.run("Sub", length, Call.wholesValue(queries)));
    Value distance = c.run("Sub", Value.shared(positions(keys, 1, 1, 1, keys)), last);
    Value bias = null;
    if (right >= 0) {
      bias = hidden(c, c.run("LessOrEqual", distance, Call.wholesValue(right)));
    }
    if (left >= 0) {
      bias = add(c, bias, hidden(c, c.run("GreaterOrEqual", distance, Call.wholesValue(-left))));
    }
    return bias;
  }

  /** The softmax; a query that sees no key at all weighs them by 0. */
  private static Value weights(Call c, Value scores, Value bias) {
    if (bias == null || bias.isConstant() && rowsSee((Tensor) bias.body())) {
      return c.run("Softmax", LAST, scores);
    }
    Value largest = c.run("ReduceMax", bias, Call.wholesValue(-1));
    Value sees = c.run("Greater", largest, Call.number(-Float.MAX_VALUE));
    Value safe = c.run("Where", sees, scores, Call.number(0));
    return c.run("Where", sees, c.run("Softmax", LAST, safe), Call.number(0));
  }

  private static boolean rowsSee(Tensor bias) {
    int cols = Math.toIntExact(bias.dims()[bias.rank() - 1]);
    int rows = bias.filled() ? 1 : bias.count() / Math.max(1, cols);
    for (int r = 0; r < rows; r++) {
      boolean sees = false;
      for (int i = 0; i < cols; i++) {
        sees |= bias.number(r * cols + i) >= -Float.MAX_VALUE;
      }
      if (!sees) {
        return false;
      }
    }
    return true;
  }

  private static Value rotary(Call c) {
    Value x = c.in(0);
    boolean flat = x.rank() == 3;
    long heads = c.whole("num_heads", 0);
    if (flat) {
      c.require(heads > 0 && x.dims()[2] % heads == 0, heads + " heads", "a divisor of the width");
    }
    Value all =
        flat ? reshape(c, x, 0, 0, heads, x.dims()[2] / heads) : transpose(c, x, 0, 2, 1, 3);
    long width = all.dims()[3];
    long turned = c.whole("rotary_embedding_dim", 0);
    turned = turned == 0 ? width : turned;
    c.require(
        turned > 0 && turned <= width && turned % 2 == 0,
        "a rotary width " + turned,
        "an even one");
    Value cos = table(c, 1);
    Value sin = table(c, 2);
    Value part = c.examples().slice(all, 3, 0, turned, 1);
    boolean interleaved = c.whole("interleaved", 0) != 0;
    long half = turned / 2;
    Value first = c.examples().slice(part, 3, 0, half, interleaved ? 2 : 1);
    Value second = c.examples().slice(part, 3, interleaved ? 1 : half, half, interleaved ? 2 : 1);
    Value real = c.run("Sub", c.run("Mul", cos, first), c.run("Mul", sin, second));
    Value other = c.run("Add", c.run("Mul", sin, first), c.run("Mul", cos, second));
    Value result;
    if (interleaved) {
      Value pairs =
          c.run(
              "Concat",
              LAST,
              c.run("Unsqueeze", real, Call.wholesValue(4)),
              c.run("Unsqueeze", other, Call.wholesValue(4)));
      result = reshape(c, pairs, 0, 0, 0, turned);
    } else {
      result = c.run("Concat", LAST, real, other);
    }
    if (turned < width) {
      Value rest = c.examples().slice(all, 3, turned, width - turned, 1);
      result = c.run("Concat", LAST, result, rest);
    }
    return flat ? reshape(c, result, 0, 0, x.dims()[2]) : transpose(c, result, 0, 2, 1, 3);
  }

  /** Cosines or sines of the positions, [batch x tokens x 1 x half]. */
  private static Value table(Call c, int input) {
    Value table = c.in(input);
    Value rows = c.has(3) ? c.run("Gather", table, c.in(3)) : table;
    return c.run("Unsqueeze", rows, Call.wholesValue(2));
  }
}
