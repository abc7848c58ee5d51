package dynaxx.onnx;

import dynaxx.network.op.Add;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Op;
import dynaxx.onnx.Examples.Aligned;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.IntStream;

/** Elements taken from and put to places that the file fixes, or chosen by numbers of the input. */
final class Scattering {

  private Scattering() {}

  static void register(Map<String, Operator> operators) {
    operators.put("GatherElements", Operator.one(Scattering::gatherElements));
    operators.put("GatherND", Operator.one(Scattering::gatherNd));
    operators.put("ScatterElements", Operator.one(Scattering::scatterElements));
    operators.put("Scatter", Operator.one(Scattering::scatterElements));
    operators.put("ScatterND", Operator.one(Scattering::scatterNd));
    operators.put("OneHot", Operator.one(Scattering::oneHot));
  }

  private static long at(Call c, long index, long extent) {
    long position = index < 0 ? index + extent : index;
    c.require(
        position >= 0 && position < extent,
        "position " + index + " of " + extent,
        "one within the axis");
    return position;
  }

  private static Body elements(Body body, int[] at, long[] to) {
    return body.reshape(new long[] {Dims.size(body.dims())}).gather(0, at).reshape(to);
  }

  private static boolean computed(Value v) {
    return v.body() instanceof Positions || v.body() instanceof Whole;
  }

  // ---- taking

  private static Value gatherElements(Call c) {
    Value data = c.in(0);
    Value indices = c.in(1);
    int axis = data.axis(c.whole("axis", 0));
    c.require(data.rank() == indices.rank(), indices.rank() + " axes", "as many as the data has");
    c.examples().requireOther(data, axis, "a selection of positions");
    if (computed(indices)) {
      return byNumbers(c, data, axis, indices);
    }
    Aligned aligned = aligned(c, data, indices, axis);
    int own =
        aligned.batch() >= 0 && aligned.merged() == 1 && axis > aligned.batch() ? axis - 1 : axis;
    Body from = aligned.bodies().get(0);
    Tensor which = (Tensor) aligned.bodies().get(1);
    int[] places = places(c, from.dims(), which, own);
    return aligned.value(elements(from, places, which.dims()), c.examples().count());
  }

  /** Data and constant indices without the axis of examples, of which the data may have more. */
  private static Aligned aligned(Call c, Value data, Value indices, int axis) {
    Value fixed = indices.with(c.draft().fixed(indices.body()));
    return c.examples().align(List.of(data, fixed));
  }

  /** Where the elements of a tensor of indices along one axis lie in a tensor of some extents. */
  private static int[] places(Call c, long[] dims, Tensor which, int axis) {
    long[] strides = Dims.strides(dims);
    long[] own = Dims.strides(which.dims());
    int[] places = new int[which.count()];
    for (int i = 0; i < places.length; i++) {
      long place = 0;
      for (int a = 0; a < dims.length; a++) {
        long index = i / own[a] % which.dims()[a];
        place += (a == axis ? at(c, which.whole(i), dims[a]) : index) * strides[a];
      }
      places[i] = Math.toIntExact(place);
    }
    return places;
  }

  /** Position j of the axis times whether the number is j, added up. */
  private static Value byNumbers(Call c, Value data, int axis, Value numbers) {
    c.require(
        !Elementwise.isWhole(data.body()),
        "whole numbers chosen by numbers of the input",
        "floats");
    long n = data.dims()[axis];
    Value chosen = hot(c, numbers, n, numbers.rank());
    long[] order =
        IntStream.range(0, data.rank() + 1)
            .mapToLong(a -> a < axis ? a : a == axis ? axis : a)
            .toArray();
    Value wide = c.run("Unsqueeze", data, Call.wholesValue(axis));
    // [.., 1, n, ..] becomes [.., 1, .., n] beside [.., k, .., n]
    long[] last = new long[order.length];
    for (int a = 0; a < last.length; a++) {
      last[a] = a <= axis ? a : a < last.length - 1 ? a + 1 : axis + 1;
    }
    Value moved = c.run("Transpose", Map.of("perm", last), wide);
    Value product = c.run("Where", chosen, moved, Call.number(0));
    return c.run("ReduceSum", Map.of("keepdims", 0L), product, Call.wholesValue(-1));
  }

  /** A truth value for each of n numbers, along a new axis. */
  static Value hot(Call c, Value numbers, long n, int axis) {
    Value wide = c.run("Unsqueeze", numbers, Call.wholesValue(axis));
    long[] dims = Windows.ones(numbers.rank() + 1 - axis);
    dims[0] = n;
    Linears.requireSize(n, Math.max(1, Dims.size(numbers.with(numbers.body()).body().dims())));
    long[] range = new long[Math.toIntExact(n)];
    Arrays.setAll(range, i -> i);
    Value at = Value.shared(Tensor.of(dims, range, false));
    Value below = c.run("Add", at, Call.wholesValue(-n));
    return c.run("Or", c.run("Equal", wide, at), c.run("Equal", wide, below));
  }

  private static Value oneHot(Call c) {
    Value numbers = c.in(0);
    long depth = c.constant(1).whole(0);
    c.require(depth > 0 && depth <= Tensor.LARGEST, "depth " + depth, "at least 1");
    long axis = c.whole("axis", -1);
    int at = (int) (axis < 0 ? axis + numbers.rank() + 1 : axis);
    c.require(at >= 0 && at <= numbers.rank(), "axis " + axis, "one of " + (numbers.rank() + 1));
    Value values = c.in(2);
    Value off = c.run("Gather", values, Call.wholesValue(0));
    Value on = c.run("Gather", values, Call.wholesValue(1));
    boolean floats = numbers.body() instanceof Tensor t && t.isFloat();
    Value whole = floats ? c.run("Cast", Map.of("to", 7L), numbers) : numbers;
    return c.run("Where", hot(c, whole, depth, at), on, off);
  }

  private static Value gatherNd(Call c) {
    Value data = shared(c, 0);
    Tensor which = c.constant(1);
    int batch = Math.toIntExact(c.whole("batch_dims", 0));
    long[] dims = data.dims();
    int last = which.rank() - 1;
    c.require(last >= 0, "a scalar index", "an axis of positions");
    int depth = Math.toIntExact(which.dims()[last]);
    c.require(
        batch >= 0 && batch <= last && batch + depth <= dims.length,
        depth + " positions behind " + batch + " axes",
        "at most " + dims.length);
    long inner = Dims.size(Arrays.copyOfRange(dims, batch + depth, dims.length));
    long tuples = Dims.size(Arrays.copyOf(which.dims(), last));
    long each = tuples / Math.max(1, Dims.size(Arrays.copyOf(which.dims(), batch)));
    long block = Dims.size(Arrays.copyOfRange(dims, batch, dims.length));
    int[] places = new int[Linears.requireSize(tuples, inner)];
    for (int i = 0; i < tuples; i++) {
      long place = i / Math.max(1, each) * block + tuple(c, which, i, depth, dims, batch);
      for (int j = 0; j < inner; j++) {
        places[(int) (i * inner + j)] = Math.toIntExact(place + j);
      }
    }
    List<Long> to = new ArrayList<>();
    Arrays.stream(which.dims()).limit(last).forEach(to::add);
    Arrays.stream(dims).skip(batch + depth).forEach(to::add);
    long[] shape = to.stream().mapToLong(Long::longValue).toArray();
    return Value.shared(elements(data.body(), places, shape));
  }

  /** Offset of the elements that a tuple of positions stands for. */
  private static long tuple(Call c, Tensor which, int i, int depth, long[] dims, int batch) {
    long[] strides = Dims.strides(dims);
    long place = 0;
    for (int d = 0; d < depth; d++) {
      int a = batch + d;
      place += at(c, which.whole(i * depth + d), dims[a]) * strides[a];
    }
    return place;
  }

  private static Value shared(Call c, int input) {
    Value v = c.in(input);
    c.require(
        v.isShared(),
        "places of elements in a tensor of all examples, which may mix them",
        "an export with one example, or Gather and Concat");
    return v;
  }

  // ---- putting

  private static Value scatterElements(Call c) {
    Value data = c.in(0);
    Value updates = c.in(2);
    int axis = data.axis(c.whole("axis", 0));
    c.examples().requireOther(data, axis, "a change of positions");
    Value fixed = c.in(1).with(c.draft().fixed(c.in(1).body()));
    c.require(
        data.rank() == fixed.rank() && fixed.rank() == updates.rank(),
        "data, indices and updates of different numbers of axes",
        "as many of each");
    boolean several = Arrays.equals(fixed.dims(), updates.dims());
    c.require(several, "updates of another shape than the indices", "the same");
    Aligned aligned = c.examples().align(List.of(data, fixed, updates));
    int own =
        aligned.batch() >= 0 && aligned.merged() == 1 && axis > aligned.batch() ? axis - 1 : axis;
    Body to = aligned.bodies().get(0);
    int[] places = places(c, to.dims(), (Tensor) aligned.bodies().get(1), own);
    Body changed = put(c, to, aligned.bodies().get(2), places);
    return aligned.value(changed, c.examples().count());
  }

  private static Value scatterNd(Call c) {
    Value data = c.in(0);
    Value updates = c.in(2);
    Tensor which = c.constant(1);
    int last = which.rank() - 1;
    c.require(last >= 0, "a scalar index", "an axis of positions");
    int depth = Math.toIntExact(which.dims()[last]);
    c.require(depth <= data.rank(), depth + " positions", "at most " + data.rank());
    if (data.isShared()) {
      Body changed = put(c, data.body(), shared(c, 2).body(), tuples(c, data.dims(), which, depth));
      return Value.shared(changed);
    }
    c.require(
        data.batch() >= depth && data.merged() == 1,
        "places of elements in a tensor of all examples, which may mix them",
        "an export with one example, or Gather and Concat");
    // examples lie behind the places, which are the same for all of them
    Value along = c.examples().along(updates, last + data.batch() - depth);
    Body body = data.body();
    Body changed = put(c, body, along.body(), tuples(c, body.dims(), which, depth));
    return data.with(changed);
  }

  /** Places of the elements that tuples of positions stand for. */
  private static int[] tuples(Call c, long[] dims, Tensor which, int depth) {
    long inner = Dims.size(Arrays.copyOfRange(dims, depth, dims.length));
    long tuples = Dims.size(Arrays.copyOf(which.dims(), which.rank() - 1));
    int[] places = new int[Linears.requireSize(tuples, inner)];
    for (int i = 0; i < tuples; i++) {
      long place = tuple(c, which, i, depth, dims, 0);
      for (int j = 0; j < inner; j++) {
        places[(int) (i * inner + j)] = Math.toIntExact(place + j);
      }
    }
    return places;
  }

  /** Puts updates to places, the last one winning, or combines them with what is there. */
  private static Body put(Call c, Body data, Body updates, int[] places) {
    String how = c.text("reduction", "none");
    c.require(
        List.of("none", "add", "mul", "max", "min").contains(how),
        "reduction '" + how + "'",
        "none, add, mul, max or min");
    if (data instanceof Tensor t && updates instanceof Tensor u) {
      return folded(t, u, places, how);
    }
    c.require(
        Dims.size(updates.dims()) == places.length,
        "updates " + Arrays.toString(updates.dims()),
        places.length + " values");
    Draft draft = c.draft();
    long n = Dims.size(data.dims());
    Expr flat = draft.numbers(data).reshape(new long[] {n});
    Expr more = draft.numbers(updates).reshape(new long[] {places.length});
    Expr changed =
        how.equals("none") ? replaced(flat, more, places) : combined(flat, more, places, how);
    Expr shaped = changed.reshape(data.dims());
    boolean whole = Elementwise.isWhole(data) && Elementwise.isWhole(updates);
    return whole ? new Whole(shaped, Elementwise.wholeType(List.of(data, updates))) : shaped;
  }

  private static Expr replaced(Expr flat, Expr more, int[] places) {
    int n = Math.toIntExact(flat.shape.size());
    int[] from = IntStream.range(0, n).toArray();
    for (int i = 0; i < places.length; i++) {
      from[places[i]] = n + i;
    }
    return flat.draft.concat(List.of(flat, more), 0).gather(0, from);
  }

  /** Update number r of each place in round r; where there is none, what changes nothing. */
  private static Expr combined(Expr flat, Expr more, int[] places, String how) {
    Draft draft = flat.draft;
    int n = Math.toIntExact(flat.shape.size());
    float neutral =
        switch (how) {
          case "add" -> 0;
          case "mul" -> 1;
          case "max" -> Float.NEGATIVE_INFINITY;
          default -> Float.POSITIVE_INFINITY;
        };
    Op op =
        switch (how) {
          case "add" -> new Add();
          case "mul" -> new Multiply();
          default -> new Extreme(how.equals("max"));
        };
    Expr none = draft.constant(Tensor.of(new long[] {1}, neutral));
    Expr all = draft.concat(List.of(more, none), 0);
    Map<Integer, Integer> seen = new HashMap<>();
    List<int[]> rounds = new ArrayList<>();
    for (int i = 0; i < places.length; i++) {
      int round = seen.merge(places[i], 1, Integer::sum) - 1;
      if (round == rounds.size()) {
        int[] empty = new int[n];
        Arrays.fill(empty, places.length);
        rounds.add(empty);
      }
      rounds.get(round)[places[i]] = i;
    }
    Expr result = flat;
    for (int[] round : rounds) {
      result = draft.op(op, result, all.gather(0, round));
    }
    return result;
  }

  private static Tensor folded(Tensor data, Tensor updates, int[] places, String how) {
    DoubleBinaryOperator f =
        switch (how) {
          case "add" -> Double::sum;
          case "mul" -> (a, b) -> a * b;
          case "max" -> Math::max;
          case "min" -> Math::min;
          default -> (a, b) -> b;
        };
    if (data.isFloat()) {
      float[] values = data.floats().clone();
      for (int i = 0; i < places.length; i++) {
        values[places[i]] = (float) f.applyAsDouble(values[places[i]], updates.number(i));
      }
      return Tensor.of(data.dims(), values);
    }
    long[] values = data.wholes();
    for (int i = 0; i < places.length; i++) {
      values[places[i]] =
          how.equals("none")
              ? updates.whole(i)
              : (long) f.applyAsDouble(values[places[i]], updates.whole(i));
    }
    return Tensor.of(data.dims(), values, data.type());
  }
}
