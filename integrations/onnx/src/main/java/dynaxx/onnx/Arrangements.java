package dynaxx.onnx;

import dynaxx.network.op.Operand;
import dynaxx.network.op.Pad;
import dynaxx.network.op.TokenEmbedding;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Operators that move values about or make constants. */
final class Arrangements {

  private Arrangements() {}

  static void register(Map<String, Operator> operators) {
    operators.put("Identity", Operator.one(c -> c.in(0)));
    operators.put("Dropout", Arrangements::dropout);
    operators.put("Cast", Operator.one(c -> cast(c, (int) c.whole("to", StoredTensor.FLOAT))));
    operators.put("CastLike", Operator.one(Arrangements::castLike));
    operators.put("Constant", Operator.one(Arrangements::constant));
    operators.put("ConstantOfShape", Operator.one(Arrangements::constantOfShape));
    operators.put("Shape", Operator.one(Arrangements::shape));
    operators.put("Size", Operator.one(c -> number(Dims.size(c.in(0).dims()))));
    operators.put("Range", Operator.one(Arrangements::range));
    operators.put("Reshape", Operator.one(Arrangements::reshape));
    operators.put("Flatten", Operator.one(Arrangements::flatten));
    operators.put("Squeeze", Operator.one(Arrangements::squeeze));
    operators.put("Unsqueeze", Operator.one(Arrangements::unsqueeze));
    operators.put("Transpose", Operator.one(Arrangements::transpose));
    operators.put("Concat", Operator.one(Arrangements::concat));
    operators.put("Slice", Operator.one(Arrangements::slice));
    operators.put("Split", Arrangements::split);
    operators.put("Gather", Operator.one(Arrangements::gather));
    operators.put("Expand", Operator.one(c -> c.examples().expand(c.in(0), c.wholes(1))));
    operators.put("Tile", Operator.one(Arrangements::tile));
    operators.put("Pad", Operator.one(Arrangements::pad));
    operators.put("Trilu", Operator.one(Arrangements::trilu));
  }

  private static Value number(long value) {
    return Value.shared(Tensor.of(new long[0], new long[] {value}, false));
  }

  /** Without training the values, and a mask that keeps all. */
  private static List<Value> dropout(Call c) {
    boolean training = c.has(2) && c.constant(2).whole(0) != 0;
    boolean drops = training && (!c.has(1) || c.constant(1).number(0) != 0);
    c.require(!drops, "dropout in training", "a graph exported for evaluation");
    Value kept = Value.shared(Tensor.of(new long[0], new long[] {1}, true));
    return List.of(c.in(0), c.examples().expand(kept, c.in(0).dims()));
  }

  private static Value castLike(Call c) {
    return cast(
        c,
        switch (c.in(1).body()) {
          case Tensor t -> t.type();
          case Positions p -> StoredTensor.INT64;
          case Whole w -> w.type();
          default -> StoredTensor.FLOAT;
        });
  }

  private static Value cast(Call c, int to) {
    Value x = c.in(0);
    boolean known = StoredTensor.isFloat(to) || StoredTensor.isWhole(to) || to == StoredTensor.BOOL;
    c.require(known, "a cast to " + StoredTensor.typeName(to), "floats, integers or bool");
    Draft draft = c.draft();
    return switch (x.body()) {
      case Tensor t -> x.with(cast(t, to));
      case Sequence s -> throw new OnnxException("found a sequence, expected a tensor");
      case Positions p when to == StoredTensor.INT32 || to == StoredTensor.INT64 -> x;
      default -> {
        boolean whole = Elementwise.isWhole(x.body());
        if (StoredTensor.isFloat(to)) {
          yield whole ? x.with(draft.numbers(x.body())) : x;
        }
        Expr numbers = draft.numbers(x.body());
        if (to == StoredTensor.BOOL) {
          yield x.with(new Whole(Steps.truth(numbers), to));
        }
        boolean fits =
            x.body() instanceof Whole w && w.type() == StoredTensor.BOOL
                || to == StoredTensor.INT32
                || to == StoredTensor.INT64;
        c.require(
            fits, "a cast of computed values to " + StoredTensor.typeName(to), "int32 or int64");
        yield x.with(new Whole(whole ? numbers : Steps.truncated(numbers), to));
      }
    };
  }

  private static Tensor cast(Tensor t, int to) {
    if (StoredTensor.isFloat(to)) {
      return t.toFloats();
    }
    return to == StoredTensor.BOOL ? t.toTruth() : t.toWholes(to);
  }

  private static Value constant(Call c) {
    ModelFile.Attribute value = c.raw("value");
    if (value != null && value.tensor() != null) {
      return Value.shared(value.tensor().tensor());
    }
    if (c.hasAttribute("value_float")) {
      return Value.shared(Tensor.scalar((float) c.number("value_float", 0)));
    }
    if (c.hasAttribute("value_floats")) {
      float[] numbers = c.raw("value_floats").numbers();
      float[] values = numbers == null ? new float[0] : numbers;
      return Value.shared(Tensor.of(new long[] {values.length}, values));
    }
    if (c.hasAttribute("value_int")) {
      return number(c.whole("value_int", 0));
    }
    c.require(c.hasAttribute("value_ints"), "no tensor of numbers", "one");
    return Value.shared(Tensor.wholes(c.wholes("value_ints")));
  }

  private static Value constantOfShape(Call c) {
    long[] dims = c.wholes(0);
    Tensor.size("shape", dims);
    ModelFile.Attribute value = c.raw("value");
    Tensor filler =
        value == null || value.tensor() == null ? Tensor.scalar(0) : value.tensor().tensor();
    c.require(filler.stored() == 1, filler.stored() + " values", "one");
    return c.examples().expand(Value.shared(filler.reshape(new long[0])), dims);
  }

  private static Value shape(Call c) {
    long[] dims = c.in(0).dims();
    int from = bound(c.whole("start", 0), dims.length);
    int end = bound(c.whole("end", dims.length), dims.length);
    return Value.shared(Tensor.wholes(Arrays.copyOfRange(dims, from, Math.max(from, end))));
  }

  private static int bound(long at, int rank) {
    return Math.clamp(at < 0 ? at + rank : at, 0, rank);
  }

  private static Value range(Call c) {
    Tensor start = c.constant(0);
    Tensor limit = c.constant(1);
    Tensor step = c.constant(2);
    double count =
        Math.ceil(((double) limit.number(0) - start.number(0)) / (double) step.number(0));
    if (!start.isFloat()) {
      count = Math.ceil((double) (limit.whole(0) - start.whole(0)) / step.whole(0));
    }
    c.require(
        count >= 0 && count <= Tensor.LARGEST, count + " values", "from 0 to " + Tensor.LARGEST);
    int n = (int) count;
    if (start.isFloat()) {
      float[] values = new float[n];
      for (int i = 0; i < n; i++) {
        values[i] = start.number(0) + i * step.number(0);
      }
      return Value.shared(Tensor.of(new long[] {n}, values));
    }
    long[] values = new long[n];
    Arrays.setAll(values, i -> start.whole(0) + i * step.whole(0));
    return Value.shared(Tensor.wholes(values));
  }

  private static Value reshape(Call c) {
    Value x = c.in(0);
    long[] to = c.wholes(1).clone();
    int open = -1;
    long known = 1;
    for (int a = 0; a < to.length; a++) {
      if (to[a] == 0 && c.whole("allowzero", 0) == 0) {
        c.require(a < x.rank(), "a 0 for axis " + a, "one for an axis of the input");
        to[a] = x.dims()[a];
      }
      if (to[a] == -1) {
        c.require(open < 0, "two open extents", "at most one");
        open = a;
      } else {
        known = Math.multiplyExact(known, to[a]);
      }
    }
    long size = Dims.size(x.dims());
    if (open >= 0) {
      c.require(
          known != 0 && size % known == 0,
          "a target " + Arrays.toString(to) + " for shape " + c.examples().text(x.dims()),
          "one of as many elements");
      to[open] = size / known;
    }
    return c.examples().reshape(x, to);
  }

  private static Value flatten(Call c) {
    Value x = c.in(0);
    long axis = c.whole("axis", 1);
    int at = (int) (axis < 0 ? axis + x.rank() : axis);
    c.require(at >= 0 && at <= x.rank(), "axis " + axis, "one of " + x.rank() + " axes");
    long rows = Dims.size(Arrays.copyOf(x.dims(), at));
    return c.examples().reshape(x, new long[] {rows, Dims.size(x.dims()) / rows});
  }

  private static Value squeeze(Call c) {
    Value x = c.in(0);
    long[] axes = c.wholesOf(1, "axes");
    long[] dims = x.dims();
    Value result = x;
    int[] gone =
        axes == null
            ? IntStream.range(0, dims.length).filter(a -> dims[a] == 1 && a != x.batch()).toArray()
            : Arrays.stream(axes).mapToInt(x::axis).sorted().distinct().toArray();
    for (int i = gone.length - 1; i >= 0; i--) {
      result = c.examples().squeeze(result, gone[i]);
    }
    return result;
  }

  private static Value unsqueeze(Call c) {
    Value x = c.in(0);
    long[] axes = c.wholesOf(1, "axes");
    c.require(axes != null, "no axes", "some");
    int rank = x.rank() + axes.length;
    Examples.requireRank(rank);
    int[] added =
        Arrays.stream(axes).mapToInt(a -> (int) (a < 0 ? a + rank : a)).sorted().toArray();
    Value result = x;
    for (int axis : added) {
      c.require(axis >= 0 && axis <= result.rank(), "axis " + axis, "one of " + rank + " axes");
      result = c.examples().unsqueeze(result, axis);
    }
    return result;
  }

  private static Value transpose(Call c) {
    int rank = c.in(0).rank();
    long[] reversed = IntStream.range(0, rank).mapToLong(a -> rank - 1 - a).toArray();
    return c.examples().transpose(c.in(0), c.ints(c.wholes("perm", reversed)));
  }

  private static Value concat(Call c) {
    c.require(!c.inputs().isEmpty(), "no inputs", "at least one");
    List<Value> values = IntStream.range(0, c.inputs().size()).mapToObj(c::in).toList();
    return c.examples().concat(values, values.getFirst().axis(c.whole("axis", 0)));
  }

  private static Value slice(Call c) {
    Value x = c.in(0);
    long[] starts = c.wholesOf(1, "starts");
    long[] ends = c.wholesOf(2, "ends");
    c.require(starts != null && ends != null, "no starts or ends", "both");
    long[] given = c.wholesOf(3, "axes");
    long[] axes =
        given != null ? given : IntStream.range(0, starts.length).mapToLong(a -> a).toArray();
    long[] steps = new long[starts.length];
    Arrays.fill(steps, 1);
    steps = c.has(4) ? c.wholes(4) : steps;
    boolean fits =
        starts.length == ends.length
            && starts.length == axes.length
            && starts.length == steps.length;
    c.require(fits, "starts, ends, axes and steps of different numbers", "as many of each");
    Value result = x;
    for (int i = 0; i < starts.length; i++) {
      result = slice(c, result, x.axis(axes[i]), starts[i], ends[i], steps[i]);
    }
    return result;
  }

  private static Value slice(Call c, Value x, int axis, long start, long end, long step) {
    c.require(step != 0, "step 0", "a positive or negative step");
    long extent = x.dims()[axis];
    long from = start < 0 ? start + extent : start;
    long to = end < 0 ? end + extent : end;
    if (step > 0) {
      from = Math.clamp(from, 0, extent);
      to = Math.clamp(to, 0, extent);
    } else {
      from = Math.clamp(from, 0, extent - 1);
      to = end == Long.MIN_VALUE ? -1 : Math.clamp(to, -1, extent - 1);
    }
    long distance = step > 0 ? to - from : from - to;
    long stride = step == Long.MIN_VALUE ? Long.MAX_VALUE : Math.abs(step);
    long count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    if (count == 0 && axis != x.batch()) {
      return nothing(x, axis);
    }
    return c.examples().slice(x, axis, from, count, count == 1 ? 1 : step);
  }

  /** No positions of an axis. */
  private static Value nothing(Value x, int axis) {
    long[] dims = Dims.with(x.dims(), axis, 0);
    boolean whole = Elementwise.isWhole(x.body());
    return Value.shared(
        whole
            ? Tensor.of(dims, new long[0], Elementwise.wholeType(List.of(x.body())))
            : Tensor.of(dims));
  }

  private static List<Value> split(Call c) {
    Value x = c.in(0);
    int axis = x.axis(c.whole("axis", 0));
    long[] sizes = c.wholesOf(1, "split");
    if (sizes == null) {
      int parts = c.outputs();
      long size = Math.ceilDiv(x.dims()[axis], Math.max(parts, 1));
      sizes = new long[parts];
      Arrays.fill(sizes, size);
      sizes[parts - 1] = x.dims()[axis] - size * (parts - 1);
    }
    boolean fits =
        Arrays.stream(sizes).allMatch(s -> s >= 0)
            && Arrays.stream(sizes).sum() == x.dims()[axis]
            && sizes.length == c.outputs();
    c.require(
        fits,
        "parts of "
            + Arrays.toString(sizes)
            + " for axis "
            + axis
            + " of "
            + c.examples().text(x.dims()),
        "as many as outputs, which add up to its extent");
    List<Value> parts = new ArrayList<>();
    long start = 0;
    for (long size : sizes) {
      parts.add(size == 0 ? nothing(x, axis) : c.examples().slice(x, axis, start, size, 1));
      start += size;
    }
    return parts;
  }

  private static Value gather(Call c) {
    Value data = c.in(0);
    int axis = data.axis(c.whole("axis", 0));
    Value indices = c.in(1);
    if (indices.body() instanceof Positions p && axis == 0 && isTable(c, data)) {
      return lookup(c, data, indices, p);
    }
    boolean computed = indices.body() instanceof Positions || indices.body() instanceof Whole;
    if (computed && !fixed(c, indices)) {
      return byNumbers(c, data, axis, indices);
    }
    Value chosen = c.steps(1);
    Tensor which = (Tensor) chosen.body();
    long extent = data.dims()[axis];
    int[] at = new int[which.count()];
    for (int i = 0; i < at.length; i++) {
      long position = which.whole(i) < 0 ? which.whole(i) + extent : which.whole(i);
      c.require(
          position >= 0 && position < extent,
          "position " + which.whole(i) + " of " + extent,
          "one within the axis");
      at[i] = Math.toIntExact(position);
    }
    c.require(at.length > 0 || data.body() instanceof Tensor, "no positions", "at least one");
    Value found = c.examples().gather(data, axis, at);
    if (which.rank() == 0) {
      found = c.examples().squeeze(found, axis);
    } else if (which.rank() > 1) {
      found = spread(c, found, axis, which.dims());
    }
    return chosen.isShared() ? found : repeated(c, data, axis, chosen, found);
  }

  /** Whether the numbers are those of parameters alone, which become constants then. */
  private static boolean fixed(Call c, Value indices) {
    return indices.body() instanceof Whole w && !c.draft().dependsOnInput(w);
  }

  private static boolean isTable(Call c, Value data) {
    Operand table = data.rank() == 2 && data.isShared() ? c.draft().operand(data.body()) : null;
    return table != null && table.rowMajor();
  }

  /**
   * Rows chosen by numbers of the input or computed ones, one of which is 1 and the others 0 in a
   * product with the data.
   */
  private static Value byNumbers(Call c, Value data, int axis, Value numbers) {
    c.require(
        !Elementwise.isWhole(data.body()) || data.body() instanceof Tensor,
        "whole numbers of the input that are chosen by others",
        "floats");
    c.examples().requireOther(data, axis, "a selection of positions");
    long n = data.dims()[axis];
    boolean whole = Elementwise.isWhole(data.body());
    int type = whole ? Elementwise.wholeType(List.of(data.body())) : StoredTensor.FLOAT;
    Value floats = whole ? c.run("Cast", Map.of("to", 1L), data) : data;
    Value hot = c.run("Cast", Map.of("to", 1L), Scattering.hot(c, numbers, n, numbers.rank()));
    c.require(
        data.isShared() || numbers.isShared() || numbers.batch() == 0 && data.batch() == 0,
        "examples along different axes",
        "the first");
    Value found =
        data.isShared() || numbers.isShared()
            ? product(c, floats, axis, hot, numbers.rank())
            : ownProduct(c, floats, axis, hot, numbers.rank());
    return whole ? c.run("Cast", Map.of("to", (long) type), found) : found;
  }

  /**
   * {@code [.. | numbers | ..]} of {@code [numbers x n]} and data whose axis n is the given one.
   */
  private static Value product(Call c, Value data, int axis, Value hot, int rank) {
    int all = data.rank();
    long[] forward = new long[all];
    for (int a = 0; a < all; a++) {
      forward[a] = a == 0 ? axis : a <= axis ? a - 1 : a;
    }
    Value first = c.run("Transpose", Map.of("perm", forward), data);
    long[] rest = Arrays.copyOfRange(first.dims(), 1, all);
    c.require(data.isShared(), "a computed tensor of all examples", "a table that they share");
    Value table = c.examples().reshape(first, new long[] {first.dims()[0], Dims.size(rest)});
    Value found =
        Products.matmul(c, rank == 0 ? c.run("Unsqueeze", hot, Call.wholesValue(0)) : hot, table);
    found = rank == 0 ? c.examples().squeeze(found, 0) : found;
    found = spread(c, found, found.rank() - 1, rest);
    long[] back = new long[rank + rest.length];
    for (int a = 0; a < back.length; a++) {
      back[a] = a < axis ? rank + a : a < axis + rank ? a - axis : a;
    }
    return c.run("Transpose", Map.of("perm", back), found);
  }

  /** Both with examples along their first axis: every example chooses from its own. */
  private static Value ownProduct(Call c, Value data, int axis, Value hot, int rank) {
    throw new OnnxException(
        "found positions of each example in computed values of all examples, expected a table or"
            + " GatherElements");
  }

  /** Positions that every example has, chosen from a table of all examples. */
  private static Value repeated(Call c, Value table, int axis, Value indices, Value found) {
    c.require(table.isShared(), "positions of examples in a computed tensor", "a table");
    List<Long> to = new ArrayList<>();
    Arrays.stream(table.dims()).limit(axis).forEach(to::add);
    Arrays.stream(indices.dims()).forEach(to::add);
    Arrays.stream(table.dims()).skip(axis + 1L).forEach(to::add);
    long[] outer = to.stream().mapToLong(Long::longValue).toArray();
    int batch = axis + indices.batch();
    return new Value(found.body(), outer, batch, indices.merged(), indices.outer());
  }

  /** Gives one axis the extents of several. */
  private static Value spread(Call c, Value x, int axis, long[] dims) {
    List<Long> to = new ArrayList<>();
    for (int a = 0; a < x.rank(); a++) {
      if (a == axis) {
        Arrays.stream(dims).forEach(to::add);
      } else {
        to.add(x.dims()[a]);
      }
    }
    return c.examples().reshape(x, to.stream().mapToLong(Long::longValue).toArray());
  }

  private static Value lookup(Call c, Value table, Value tokens, Positions p) {
    Draft draft = c.draft();
    Operand values = draft.operand(table.body());
    int first = Math.toIntExact(Arrays.stream(p.at().wholes()).min().orElse(0));
    int end = Math.toIntExact(Arrays.stream(p.at().wholes()).max().orElse(0)) + 1;
    boolean alone = c.examples().draft().tokens();
    Expr rows =
        draft.op(
            alone ? new TokenEmbedding(values) : new TokenEmbedding(values, first, end - first),
            draft.input());
    int start = alone ? 0 : first;
    int[] at = Arrays.stream(p.at().wholes()).mapToInt(i -> Math.toIntExact(i) - start).toArray();
    long width = table.dims()[1];
    Body chosen = rows.gather(0, at);
    Expr shaped =
        withoutPadding(
            draft,
            table,
            p,
            draft.expr(chosen).reshape(Dims.inserted(p.dims(), p.dims().length, width)));
    long[] outer = Dims.inserted(tokens.dims(), tokens.rank(), width);
    return new Value(shaped, outer, tokens.batch(), tokens.merged(), tokens.outer());
  }

  /** Zeros for padding tokens, so that their row has no derivative. */
  private static Expr withoutPadding(Draft draft, Value table, Positions p, Expr rows) {
    int row = draft.paddingRow(table.body());
    if (row < 0) {
      return rows;
    }
    Expr distance = draft.affine(draft.numbers(p), 1, -row);
    Expr mask = Steps.truth(distance).reshape(Dims.inserted(p.dims(), p.dims().length, 1));
    return draft.where(draft.broadcast(mask, rows.shape), rows, draft.affine(rows, 0, 0));
  }

  private static Value tile(Call c) {
    Value result = c.in(0);
    long[] repeats = c.wholes(1);
    c.require(repeats.length == result.rank(), repeats.length + " repeats", "one for each axis");
    for (int a = 0; a < repeats.length; a++) {
      if (repeats[a] != 1 && result.dims()[a] == 1 && repeats[a] > 0) {
        result = c.examples().expand(result, Dims.with(result.dims(), a, repeats[a]));
      } else if (repeats[a] != 1) {
        int extent = Math.toIntExact(result.dims()[a]);
        long count = Math.multiplyExact(repeats[a], extent);
        c.require(
            count > 0 && count <= Tensor.LARGEST,
            count + " positions",
            "from 1 to " + Tensor.LARGEST);
        int[] at = IntStream.range(0, (int) count).map(i -> i % extent).toArray();
        result = c.examples().gather(result, a, at);
      }
    }
    return result;
  }

  private static Value pad(Call c) {
    Value x = c.in(0);
    long[] pads = c.wholesOf(1, "pads");
    c.require(pads != null, "no pads", "some");
    long[] axes = c.has(3) ? c.wholes(3) : IntStream.range(0, x.rank()).mapToLong(a -> a).toArray();
    c.require(
        pads.length == 2 * axes.length,
        pads.length + " pads",
        "two for each of " + axes.length + " axes");
    double value = c.has(2) ? c.constant(2).number(0) : c.number("value", 0);
    Value result = x;
    for (int i = 0; i < axes.length; i++) {
      result = pad(c, result, x.axis(axes[i]), pads[i], pads[i + axes.length], value);
    }
    return result;
  }

  private static Value pad(Call c, Value x, int axis, long before, long after, double value) {
    if (before == 0 && after == 0) {
      return x;
    }
    c.examples().requireOther(x, axis, "padding");
    long extent = x.dims()[axis];
    long cutBefore = Math.max(0, -before);
    long rest = extent - cutBefore - Math.max(0, -after);
    Value cut = c.examples().slice(x, axis, cutBefore, rest, 1);
    int front = Math.toIntExact(Math.max(0, before));
    int back = Math.toIntExact(Math.max(0, after));
    c.require(
        (long) front + rest + back <= Tensor.LARGEST,
        "an extent of " + ((long) front + rest + back),
        "at most " + Tensor.LARGEST);
    String mode = c.text("mode", "constant");
    if (mode.equals("constant")) {
      return cut.with(padded(c.draft(), cut.body(), cut.at(axis), front, back, value));
    }
    int[] at = new int[front + (int) rest + back];
    for (int i = 0; i < at.length; i++) {
      at[i] = source(c, mode, i - front, (int) rest);
    }
    return c.examples().gather(cut, axis, at);
  }

  private static Body padded(Draft draft, Body body, int axis, int front, int back, double value) {
    int rank = body.dims().length;
    List<Integer> before = new ArrayList<>(java.util.Collections.nCopies(rank, 0));
    List<Integer> after = new ArrayList<>(before);
    before.set(axis, front);
    after.set(axis, back);
    if (body instanceof Tensor t) {
      Tensor filler = t.isFloat() ? Tensor.scalar((float) value) : Tensor.wholes((long) value);
      Tensor one = filler.reshape(new long[0]);
      List<Tensor> parts = new ArrayList<>();
      parts.add(one.broadcast(Dims.with(t.dims(), axis, front)));
      parts.add(t);
      parts.add(one.broadcast(Dims.with(t.dims(), axis, back)));
      return Folding.join(parts, axis, Dims.with(t.dims(), axis, front + t.dims()[axis] + back));
    }
    return draft.op(new Pad(before, after, value), draft.expr(body));
  }

  private static int source(Call c, String mode, int at, int extent) {
    return switch (mode) {
      case "edge" -> Math.clamp(at, 0, extent - 1);
      case "wrap" -> Math.floorMod(at, extent);
      case "reflect" -> {
        int period = Math.max(1, 2 * (extent - 1));
        int within = Math.floorMod(at, period);
        yield within < extent ? within : period - within;
      }
      default ->
          throw new OnnxException(
              "mode: found '" + mode + "', expected constant, reflect, edge or wrap");
    };
  }

  /** Keeps a triangle of constants, or of computed values by a constant mask. */
  private static Value trilu(Call c) {
    long diagonal = c.has(1) ? c.constant(1).whole(0) : 0;
    Value x = c.in(0);
    c.require(x.rank() >= 2, x.rank() + " axes", "at least two");
    c.examples().requireOther(x, x.rank() - 1, "a triangle");
    c.examples().requireOther(x, x.rank() - 2, "a triangle");
    boolean upper = c.whole("upper", 1) != 0;
    if (x.body() instanceof Tensor t) {
      return x.with(Folding.triangle(t, diagonal, upper));
    }
    long[] last = Arrays.copyOfRange(x.dims(), x.rank() - 2, x.rank());
    Tensor ones = Tensor.of(last, new long[] {1}, true);
    long[] all = new long[ones.count()];
    Arrays.fill(all, 1);
    Tensor mask = Folding.triangle(Tensor.of(last, all, true), diagonal, upper);
    Value zero = Elementwise.isWhole(x.body()) ? number(0) : Call.number(0);
    return c.run("Where", Value.shared(mask), x, zero);
  }
}
