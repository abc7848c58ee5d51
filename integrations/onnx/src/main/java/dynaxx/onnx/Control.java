package dynaxx.onnx;

import dynaxx.onnx.ModelFile.Graph;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Branches by constant conditions, loops of constant length, and sequences of tensors. */
final class Control {

  private Control() {}

  static void register(Map<String, Operator> operators) {
    operators.put("If", Control::branch);
    operators.put("Loop", Control::loop);
    operators.put("Scan", Control::scan);
    operators.put("SequenceMap", Control::map);
    operators.put("SequenceConstruct", c -> sequence(all(c)));
    operators.put("SequenceEmpty", c -> sequence(List.of()));
    operators.put("SequenceInsert", Control::insert);
    operators.put("SequenceErase", Control::erase);
    operators.put("SequenceAt", Operator.one(c -> values(c, 0).get(place(c, 1, 0))));
    operators.put(
        "SequenceLength",
        Operator.one(
            c -> Value.shared(Tensor.of(new long[0], new long[] {values(c, 0).size()}, false))));
    operators.put("SplitToSequence", Control::split);
    operators.put("ConcatFromSequence", Operator.one(Control::concat));
  }

  private static Graph graph(Call c, String name) {
    ModelFile.Attribute found = c.raw(name);
    c.require(found != null && found.graph() != null, "no graph " + name, "one");
    return found.graph();
  }

  private static List<Value> branch(Call c) {
    boolean condition = c.constant(0).whole(0) != 0;
    Graph chosen = graph(c, condition ? "then_branch" : "else_branch");
    return c.interpreter().body(chosen, List.of(), c.names());
  }

  private static Value truth(boolean value) {
    return Value.shared(Tensor.of(new long[0], new long[] {value ? 1 : 0}, true));
  }

  private static Value whole(long value) {
    return Value.shared(Tensor.of(new long[0], new long[] {value}, false));
  }

  private static List<Value> loop(Call c) {
    Graph body = graph(c, "body");
    long trips = c.has(0) ? c.constant(0).whole(0) : Long.MAX_VALUE;
    boolean goes = !c.has(1) || c.constant(1).whole(0) != 0;
    List<Value> carried =
        new ArrayList<>(c.inputs().subList(Math.min(2, c.inputs().size()), c.inputs().size()));
    int scans = body.outputs().size() - 1 - carried.size();
    c.require(scans >= 0, body.outputs().size() + " outputs of the body", "all that are carried");
    List<List<Value>> collected = new ArrayList<>();
    IntStream.range(0, scans).forEach(i -> collected.add(new ArrayList<>()));
    for (long i = 0; i < trips && goes; i++) {
      List<Value> inputs = new ArrayList<>(List.of(whole(i), truth(true)));
      inputs.addAll(carried);
      List<Value> found = c.interpreter().body(body, inputs, c.names());
      goes = condition(c, found.getFirst());
      int n = carried.size();
      carried = new ArrayList<>(found.subList(1, 1 + n));
      for (int s = 0; s < scans; s++) {
        collected.get(s).add(found.get(1 + n + s));
      }
    }
    List<Value> outputs = new ArrayList<>(carried);
    collected.forEach(values -> outputs.add(stacked(c, values, 0)));
    return outputs;
  }

  private static boolean condition(Call c, Value value) {
    return c.with(List.of(value)).constant(0).whole(0) != 0;
  }

  /** Values one after the other along a new axis; null if there are none. */
  private static Value stacked(Call c, List<Value> values, int axis) {
    if (values.isEmpty()) {
      return null;
    }
    List<Value> wide = values.stream().map(v -> c.examples().unsqueeze(v, axis)).toList();
    return c.examples().concat(wide, axis);
  }

  private static List<Value> scan(Call c) {
    c.require(c.opset() >= 9, "operator set " + c.opset(), "at least 9 for Scan");
    Graph body = graph(c, "body");
    int scans = Math.toIntExact(c.whole("num_scan_inputs", 1));
    int states = c.inputs().size() - scans;
    c.require(states >= 0 && scans > 0, scans + " inputs to scan", "as many as there are");
    long[] inAxes = c.wholes("scan_input_axes", new long[scans]);
    long[] inOrder = c.wholes("scan_input_directions", new long[scans]);
    int outs = body.outputs().size() - states;
    long[] outAxes = c.wholes("scan_output_axes", new long[outs]);
    long[] outOrder = c.wholes("scan_output_directions", new long[outs]);
    List<Value> carried = new ArrayList<>(c.inputs().subList(0, states));
    int[] axes = IntStream.range(0, scans).map(i -> c.in(states + i).axis(inAxes[i])).toArray();
    long length = c.in(states).dims()[axes[0]];
    List<List<Value>> collected = new ArrayList<>();
    IntStream.range(0, outs).forEach(i -> collected.add(new ArrayList<>()));
    for (long t = 0; t < length; t++) {
      List<Value> inputs = new ArrayList<>(carried);
      for (int i = 0; i < scans; i++) {
        Value all = c.in(states + i);
        c.require(all.dims()[axes[i]] == length, "inputs of different lengths", "equal ones");
        long at = inOrder[i] == 0 ? t : length - 1 - t;
        inputs.add(c.examples().squeeze(c.examples().slice(all, axes[i], at, 1, 1), axes[i]));
      }
      List<Value> found = c.interpreter().body(body, inputs, c.names());
      carried = new ArrayList<>(found.subList(0, states));
      for (int i = 0; i < outs; i++) {
        collected.get(i).add(found.get(states + i));
      }
    }
    List<Value> outputs = new ArrayList<>(carried);
    for (int i = 0; i < outs; i++) {
      List<Value> values = collected.get(i);
      if (outOrder[i] != 0) {
        Collections.reverse(values);
      }
      int axis =
          values.isEmpty()
              ? 0
              : (int) (outAxes[i] < 0 ? outAxes[i] + values.getFirst().rank() + 1 : outAxes[i]);
      outputs.add(stacked(c, values, axis));
    }
    return outputs;
  }

  // ---- sequences

  private static List<Value> all(Call c) {
    return IntStream.range(0, c.inputs().size()).mapToObj(c::in).toList();
  }

  private static List<Value> sequence(List<Value> values) {
    return List.of(new Sequence(values).value());
  }

  private static List<Value> values(Call c, int input) {
    if (c.in(input).body() instanceof Sequence s) {
      return s.values();
    }
    throw new OnnxException("input " + input + ": found a tensor, expected a sequence");
  }

  /** A place in a sequence; {@code more} is 1 where the end counts. */
  private static int place(Call c, int input, int more) {
    int n = values(c, 0).size() + more;
    long at = c.constant(input).whole(0);
    long place = at < 0 ? at + values(c, 0).size() : at;
    c.require(place >= 0 && place < n, "place " + at + " of " + n, "one of the sequence");
    return (int) place;
  }

  private static List<Value> insert(Call c) {
    List<Value> values = new ArrayList<>(values(c, 0));
    values.add(c.has(2) ? place(c, 2, 1) : values.size(), c.in(1));
    return sequence(values);
  }

  private static List<Value> erase(Call c) {
    List<Value> values = new ArrayList<>(values(c, 0));
    c.require(!values.isEmpty(), "an empty sequence", "one with tensors");
    values.remove(c.has(1) ? place(c, 1, 0) : values.size() - 1);
    return sequence(values);
  }

  private static List<Value> split(Call c) {
    Value x = c.in(0);
    int axis = x.axis(c.whole("axis", 0));
    long extent = x.dims()[axis];
    boolean keep = c.has(1) || c.whole("keepdims", 1) != 0;
    long[] sizes;
    if (!c.has(1)) {
      sizes = Windows.ones(Math.toIntExact(extent));
    } else if (c.in(1).rank() == 0) {
      long size = c.constant(1).whole(0);
      c.require(size > 0 && extent / size <= 1 << 20, "parts of " + size, "at least 1");
      sizes = new long[(int) Math.ceilDiv(extent, size)];
      Arrays.fill(sizes, size);
      sizes[sizes.length - 1] = extent - size * (sizes.length - 1);
    } else {
      sizes = c.wholes(1);
    }
    c.require(
        Arrays.stream(sizes).sum() == extent && Arrays.stream(sizes).allMatch(s -> s > 0),
        "parts of " + Arrays.toString(sizes),
        "some that add up to " + extent);
    List<Value> parts = new ArrayList<>();
    long start = 0;
    for (long size : sizes) {
      Value part = c.examples().slice(x, axis, start, size, 1);
      parts.add(keep ? part : c.examples().squeeze(part, axis));
      start += size;
    }
    return sequence(parts);
  }

  private static Value concat(Call c) {
    List<Value> values = values(c, 0);
    c.require(!values.isEmpty(), "an empty sequence", "one with tensors");
    int rank = values.getFirst().rank();
    long axis = c.whole("axis", 0);
    boolean fresh = c.whole("new_axis", 0) != 0;
    int at = (int) (axis < 0 ? axis + rank + (fresh ? 1 : 0) : axis);
    c.require(at >= 0 && at < rank + (fresh ? 1 : 0), "axis " + axis, "one of " + rank);
    return fresh ? stacked(c, values, at) : c.examples().concat(values, at);
  }

  private static List<Value> map(Call c) {
    Graph body = graph(c, "body");
    int length = values(c, 0).size();
    List<List<Value>> collected = new ArrayList<>();
    body.outputs().forEach(o -> collected.add(new ArrayList<>()));
    for (int i = 0; i < length; i++) {
      List<Value> inputs = new ArrayList<>();
      for (Value v : c.inputs()) {
        inputs.add(v.body() instanceof Sequence s ? s.values().get(i) : v);
      }
      List<Value> found = c.interpreter().body(body, inputs, c.names());
      for (int o = 0; o < collected.size(); o++) {
        collected.get(o).add(found.get(o));
      }
    }
    List<Value> outputs = new ArrayList<>();
    collected.forEach(values -> outputs.add(new Sequence(values).value()));
    return outputs;
  }
}
