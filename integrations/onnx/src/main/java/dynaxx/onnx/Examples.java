package dynaxx.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Rearrangements of values, which keep track of the axis of examples and refuse what would mix
 * examples or treat them differently.
 *
 * @param draft the network
 * @param count examples of the graph: those that the file is fixed to, or {@link #OPEN}
 */
record Examples(Draft draft, long count) {

  /**
   * Stands for the number of examples where the file leaves it open: a prime that is no divisor of
   * extents that occur, so that shape arithmetic on it cannot be confused with another extent.
   */
  static final long OPEN = 1_000_003;

  private static final int MOST_AXES = 64;

  /** Values over one shape: bodies that repeat to each other, and what they have in common. */
  record Aligned(List<Body> bodies, int batch, long merged, long outer) {

    /** The value of a body computed from these. */
    Value value(Body body, long count) {
      if (batch < 0) {
        return Value.shared(body);
      }
      if (merged == 1) {
        return Value.batched(body, batch, count);
      }
      long[] extents = Dims.with(body.dims(), batch, merged * count);
      return new Value(body, extents, batch, merged, outer);
    }
  }

  /** Extents for messages. */
  String text(long[] dims) {
    return Arrays.stream(dims).mapToObj(this::extent).collect(Collectors.joining(" x ", "[", "]"));
  }

  private String extent(long dim) {
    if (count != OPEN || dim == 0 || dim % count != 0) {
      return String.valueOf(dim);
    }
    return dim == count ? "batch" : dim / count + " batch";
  }

  private OnnxException mixes(String what, long[] dims) {
    return new OnnxException(
        what
            + " of a tensor "
            + text(dims)
            + " acts along the axis of the examples, expected each example to be computed on its"
            + " own");
  }

  void requireOther(Value v, int axis, String what) {
    if (axis == v.batch()) {
      throw mixes(what, v.dims());
    }
  }

  Value transpose(Value v, int[] order) {
    if (!Arrays.equals(
        Arrays.stream(order).sorted().toArray(), IntStream.range(0, v.rank()).toArray())) {
      throw new OnnxException(
          "perm: found "
              + Arrays.toString(order)
              + ", expected each of "
              + v.rank()
              + " axes once");
    }
    if (v.isShared()) {
      return Value.shared(v.body().permute(order));
    }
    int batch = IntStream.range(0, order.length).filter(a -> order[a] == v.batch()).sum();
    int[] inner =
        v.hasAxis() ? order : Arrays.stream(order).filter(a -> a != v.batch()).map(v::at).toArray();
    long[] outer = Dims.permuted(v.dims(), order);
    return new Value(v.body().permute(inner), outer, batch, v.merged(), v.outer());
  }

  /** Cost of a value grows with its axes, and a file may claim millions of extents of 1. */
  static void requireRank(int rank) {
    if (rank > MOST_AXES) {
      throw new OnnxException("found " + rank + " axes, expected at most " + MOST_AXES);
    }
  }

  Value reshape(Value v, long[] to) {
    requireRank(to.length);
    if (Dims.size(to) != Dims.size(v.dims()) || Arrays.stream(to).anyMatch(d -> d < 1)) {
      throw new OnnxException(
          "reshape: found shape "
              + text(v.dims())
              + " and target "
              + text(to)
              + ", expected as many elements");
    }
    if (v.isShared()) {
      return Value.shared(v.body().reshape(to));
    }
    long before = v.outer() * LongStream.of(v.dims()).limit(v.batch()).reduce(1, (a, b) -> a * b);
    long prefix = 1;
    int merging = -1;
    long[] outer = new long[to.length];
    for (int axis = 0; axis < to.length; axis++) {
      outer[axis] = before % prefix == 0 ? before / prefix : 0;
      if (outer[axis] == 1 && to[axis] % count == 0) {
        return withBatch(v, to, axis, 1);
      }
      boolean fits = outer[axis] > 1 && to[axis] % (outer[axis] * count) == 0;
      merging = fits ? axis : merging;
      prefix *= to[axis];
    }
    if (merging >= 0) {
      return withBatch(v, to, merging, outer[merging]);
    }
    throw mixes("reshaping to " + text(to), v.dims());
  }

  private Value withBatch(Value v, long[] to, int axis, long outer) {
    long merged = to[axis] / count;
    long[] inner = merged > 1 ? Dims.with(to, axis, merged) : Dims.without(to, axis);
    return new Value(v.body().reshape(inner), to.clone(), axis, merged, outer);
  }

  Value unsqueeze(Value v, int axis) {
    long[] to = Dims.inserted(v.dims(), axis, 1);
    if (v.isShared()) {
      return Value.shared(v.body().reshape(to));
    }
    return withBatch(v, to, v.batch() >= axis ? v.batch() + 1 : v.batch(), v.outer());
  }

  Value squeeze(Value v, int axis) {
    if (v.dims()[axis] != 1) {
      throw new OnnxException(
          "squeeze: found extent "
              + v.dims()[axis]
              + " of axis "
              + axis
              + " of "
              + text(v.dims())
              + ", expected 1");
    }
    long[] to = Dims.without(v.dims(), axis);
    if (v.isShared() || axis == v.batch()) {
      return reshape(v, to);
    }
    return withBatch(v, to, v.batch() > axis ? v.batch() - 1 : v.batch(), v.outer());
  }

  Value slice(Value v, int axis, long start, long size, long step) {
    if (start == 0 && step == 1 && size == v.dims()[axis]) {
      return v;
    }
    requireOther(v, axis, "a slice");
    if (size < 1) {
      throw new OnnxException(
          "slice: found no positions of axis "
              + axis
              + " of "
              + text(v.dims())
              + ", expected at least one");
    }
    return v.with(v.body().slice(v.at(axis), start, size, step));
  }

  Value gather(Value v, int axis, int[] indices) {
    requireOther(v, axis, "a selection of positions");
    return v.with(v.body().gather(v.at(axis), indices));
  }

  /** Repeats to a shape, as NumPy does; extents of 1 in the shape leave those of the value. */
  Value expand(Value v, long[] shape) {
    requireRank(shape.length);
    long[] to = Dims.common(v.dims(), shape);
    Value padded = v;
    while (padded.rank() < to.length) {
      padded = unsqueeze(padded, 0);
    }
    if (padded.isShared()) {
      int axis = repeatedForExamples(padded.dims(), to);
      return axis < 0
          ? Value.shared(padded.body().expand(to))
          : Value.batched(
              padded
                  .body()
                  .reshape(Dims.without(padded.dims(), axis))
                  .expand(Dims.without(to, axis)),
              axis,
              count);
    }
    requireSame(padded.dims()[padded.batch()], to[padded.batch()], padded.dims(), to);
    long[] inner =
        padded.hasAxis()
            ? Dims.with(to, padded.batch(), padded.merged())
            : Dims.without(to, padded.batch());
    return padded.with(padded.body().expand(inner));
  }

  /** The one axis along which a shared value is repeated for an open number of examples, or -1. */
  private int repeatedForExamples(long[] from, long[] to) {
    int[] open =
        IntStream.range(0, to.length).filter(a -> to[a] > 0 && to[a] % count == 0).toArray();
    boolean one = count == OPEN && open.length == 1;
    return one && from[open[0]] == 1 && to[open[0]] == count ? open[0] : -1;
  }

  private void requireSame(long found, long expected, long[] dims, long[] to) {
    if (found != expected) {
      throw mixes("expanding to " + text(to), dims);
    }
  }

  Value concat(List<Value> all, int axis) {
    List<Value> some = all.stream().filter(v -> v.rank() <= axis || v.dims()[axis] != 0).toList();
    List<Value> values = some.isEmpty() ? all : some;
    if (values.size() == 1) {
      return values.getFirst();
    }
    Value first = values.getFirst();
    for (Value v : values) {
      boolean fits = v.rank() == first.rank();
      for (int a = 0; fits && a < v.rank(); a++) {
        fits = a == axis || v.dims()[a] == first.dims()[a];
      }
      if (!fits) {
        throw new OnnxException(
            "concat: found shapes "
                + text(first.dims())
                + " and "
                + text(v.dims())
                + ", expected them to be equal except along axis "
                + axis);
      }
      requireOther(v, axis, "joining");
    }
    Aligned aligned = align(values);
    if (aligned.merged() > 1 && values.stream().anyMatch(Value::isShared)) {
      throw mixes("joining", first.dims());
    }
    boolean dropped = aligned.batch() >= 0 && aligned.merged() == 1;
    int at = dropped && axis > aligned.batch() ? axis - 1 : axis;
    return aligned.value(join(aligned.bodies(), at), count);
  }

  private Body join(List<Body> bodies, int axis) {
    long[] dims = bodies.getFirst().dims();
    long sum = bodies.stream().mapToLong(b -> b.dims()[axis]).sum();
    long[] to = Dims.with(dims, axis, sum);
    if (bodies.stream().allMatch(b -> b instanceof Tensor)) {
      return Folding.join(bodies.stream().map(Tensor.class::cast).toList(), axis, to);
    }
    if (bodies.stream().allMatch(Elementwise::isWhole)) {
      List<Expr> parts = bodies.stream().map(draft::numbers).toList();
      return new Whole(draft.concat(parts, axis), Elementwise.wholeType(bodies));
    }
    boolean weights = bodies.stream().allMatch(b -> b instanceof Tensor || b instanceof Weight);
    return weights
        ? Weight.Joined.of(draft, axis, bodies, to)
        : draft.concat(bodies.stream().map(draft::expr).toList(), axis);
  }

  /** Brings values to the same axis of examples, so that their bodies repeat to one shape. */
  Aligned align(List<Value> values) {
    int rank = values.stream().mapToInt(Value::rank).max().orElseThrow();
    int batch = -1;
    long merged = 1;
    long outer = 1;
    for (Value v : values) {
      if (!v.isShared()) {
        int own = v.batch() + rank - v.rank();
        boolean same = own == batch && v.merged() == merged && v.outer() == outer;
        if (batch >= 0 && !same) {
          throw mixes("combining " + list(values), v.dims());
        }
        batch = own;
        merged = v.merged();
        outer = v.outer();
      }
    }
    List<Body> bodies = new ArrayList<>();
    for (Value v : values) {
      boolean fit = v.isShared() && batch >= 0;
      bodies.add(fit ? fitted(v, batch - (rank - v.rank()), merged) : v.body());
    }
    return new Aligned(bodies, batch, merged, outer);
  }

  private String list(List<Value> values) {
    return values.stream().map(v -> text(v.dims())).collect(Collectors.joining(" and "));
  }

  /** A shared body together with one whose examples lie along an axis. */
  private Body fitted(Value v, int axis, long merged) {
    Body body = v.body();
    if (axis < 0) {
      return body;
    }
    long extent = v.dims()[axis];
    if (extent != 1) {
      if (extent != merged * count || !body.uniform(axis)) {
        throw mixes("combining examples with a constant or parameter", v.dims());
      }
      body = body.slice(axis, 0, 1, 1);
    }
    return merged > 1 ? body : body.reshape(Dims.without(body.dims(), axis));
  }

  /** A value whose examples lie along a given axis; one that all examples share is repeated. */
  Value along(Value v, int axis) {
    if (v.isShared()) {
      return Value.batched(fitted(v, axis, 1), axis, count);
    }
    if (v.batch() != axis || v.merged() != 1) {
      throw new OnnxException(
          "found examples along axis "
              + v.batch()
              + " of "
              + text(v.dims())
              + ", expected them along axis "
              + axis);
    }
    return v;
  }
}
