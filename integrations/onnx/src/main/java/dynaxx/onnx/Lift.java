package dynaxx.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Operators that work on examples, on values in which the axis of examples is that of one example's
 * own parts: each part is taken as an example, and the results are put together again.
 */
final class Lift {

  private Lift() {}

  /**
   * Applies an operator.
   *
   * @param c the call
   * @param axes for each input the axis of examples, or -1 if the operator takes it whole
   * @param operator takes the inputs with examples along their axes
   */
  static List<Value> over(Call c, int[] axes, Operator operator) {
    Value x = c.in(0);
    int axis = axes[0];
    if (x.rank() <= axis || x.batch() == axis && x.merged() == 1) {
      return operator.apply(c);
    }
    if (x.batch() >= 0 && x.batch() != axis) {
      throw new OnnxException(
          "found examples along axis "
              + x.batch()
              + " of "
              + c.examples().text(x.dims())
              + ", expected them along axis "
              + axis);
    }
    int parts = Math.toIntExact(x.explicit().dims()[axis]);
    List<List<Value>> found = new ArrayList<>();
    for (int part = 0; part < parts; part++) {
      found.add(operator.apply(c.with(inputs(c, axes, part, parts))));
    }
    List<Value> results = new ArrayList<>();
    for (int i = 0; i < found.getFirst().size(); i++) {
      int output = i;
      results.add(together(c, found.stream().map(f -> f.get(output)).toList(), x));
    }
    return results;
  }

  private static List<Value> inputs(Call c, int[] axes, int part, int parts) {
    List<Value> inputs = new ArrayList<>(c.inputs());
    for (int i = 0; i < Math.min(inputs.size(), axes.length); i++) {
      Value v = inputs.get(i);
      if (v != null && axes[i] >= 0) {
        inputs.set(i, part(c, v, axes[i], part, parts));
      }
    }
    return inputs;
  }

  private static Value part(Call c, Value v, int axis, int part, int parts) {
    Body all = v.explicit();
    c.require(
        v.rank() > axis && all.dims()[axis] == parts,
        "an input " + c.examples().text(v.dims()),
        parts + " along axis " + axis);
    Body one = parts == 1 ? all : all.slice(axis, part, 1, 1);
    return Value.batched(one.reshape(Dims.without(one.dims(), axis)), axis, c.examples().count());
  }

  private static Value together(Call c, List<Value> parts, Value like) {
    Value first = parts.getFirst();
    if (first == null) {
      return null;
    }
    int axis = first.batch();
    c.require(axis >= 0 && first.merged() == 1, "a result without examples", "one of each");
    List<Value> whole = parts.stream().map(p -> Value.shared(p.explicit())).toList();
    Body all = c.examples().concat(whole, axis).body();
    if (like.isShared()) {
      return Value.shared(all);
    }
    long[] dims = Dims.with(all.dims(), axis, like.dims()[like.batch()]);
    return new Value(all, dims, axis, like.merged(), like.outer());
  }

  /** Axes of the examples where only the first input has one. */
  static int[] first() {
    return new int[] {0};
  }

  static Operator one(java.util.function.Function<Call, Value> f) {
    return call -> over(call, first(), c -> Arrays.asList(f.apply(c)));
  }
}
