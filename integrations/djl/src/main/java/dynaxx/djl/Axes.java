package dynaxx.djl;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.index.dim.NDIndexAll;
import ai.djl.ndarray.index.dim.NDIndexElement;
import ai.djl.ndarray.index.dim.NDIndexFixed;
import ai.djl.ndarray.index.dim.NDIndexSlice;
import ai.djl.ndarray.types.Shape;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Slice;
import dynaxx.network.op.Softmax;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Operations on the axes of traced arrays. The axis of examples stays the first. */
final class Axes {

  private Axes() {}

  static int[] dims(Shape shape) {
    return Arrays.stream(shape.getShape()).mapToInt(Math::toIntExact).toArray();
  }

  /** The axis of the term that an axis of the array is. */
  static int own(TracedArray x, int axis) {
    int rank = x.getShape().dimension();
    int at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank) {
      throw new Refusal("uses axis " + axis + " of shape " + x.getShape());
    }
    if (x.each() && at == 0) {
      throw new Refusal("works along the axis of examples of shape " + x.getShape());
    }
    return x.each() ? at - 1 : at;
  }

  static TracedArray softmax(TracedArray x, int axis) {
    int at = own(x, axis);
    int last = x.term().rank() - 1;
    Term moved = x.term().moved(at, last);
    return x.with(Term.of(new Softmax(), moved).moved(last, at));
  }

  static TracedArray reduce(TracedArray x, int[] axes, boolean mean, boolean keep) {
    if (axes.length == 0) {
      throw new Refusal("reduces all axes of shape " + x.getShape());
    }
    List<Integer> own = Arrays.stream(axes).map(a -> own(x, a)).boxed().toList();
    return x.with(Term.of(new Reduce(own, mean, keep), x.term()));
  }

  static TracedArray reshape(TracedArray x, long... to) {
    long known = LongStream.of(to).filter(d -> d >= 0).reduce(1, Math::multiplyExact);
    long size = x.getShape().size();
    long[] dims = LongStream.of(to).map(d -> d >= 0 ? d : size / known).toArray();
    if (LongStream.of(dims).reduce(1, Math::multiplyExact) != size) {
      throw new Refusal("reshapes " + x.getShape() + " to " + Arrays.toString(to));
    }
    if (x.each() && (dims.length == 0 || dims[0] != x.examples())) {
      throw new Refusal("reshapes the axis of examples of " + x.getShape());
    }
    return x.with(x.term().reshape(dims(new Shape(dims).slice(x.each() ? 1 : 0))));
  }

  static TracedArray expand(TracedArray x, int axis) {
    int rank = x.getShape().dimension();
    int at = axis < 0 ? axis + rank + 1 : axis;
    List<Long> dims = new ArrayList<>(Arrays.stream(x.getShape().getShape()).boxed().toList());
    dims.add(at, 1L);
    return reshape(x, dims.stream().mapToLong(Long::longValue).toArray());
  }

  static TracedArray squeeze(TracedArray x, int[] axes) {
    long[] dims = x.getShape().getShape();
    List<Integer> gone = Arrays.stream(axes).map(a -> a < 0 ? a + dims.length : a).boxed().toList();
    if (gone.stream().anyMatch(a -> dims[a] != 1)) {
      throw new Refusal("squeezes axes " + gone + " of shape " + x.getShape());
    }
    long[] left =
        IntStream.range(0, dims.length)
            .filter(a -> !gone.contains(a))
            .mapToLong(a -> dims[a])
            .toArray();
    return reshape(x, left);
  }

  static TracedArray flatten(TracedArray x, int from, int to) {
    Shape s = x.getShape();
    int last = to < 0 ? to + s.dimension() : to;
    Shape middle = new Shape(s.slice(from, last + 1).size());
    return reshape(x, s.slice(0, from).addAll(middle).addAll(s.slice(last + 1)).getShape());
  }

  static TracedArray transpose(TracedArray x, int... axes) {
    int[] order = axes;
    if (x.each()) {
      if (axes[0] != 0) {
        throw new Refusal("moves the axis of examples of shape " + x.getShape());
      }
      order = IntStream.range(1, axes.length).map(i -> own(x, axes[i])).toArray();
    }
    return x.with(x.term().permute(order));
  }

  static NDList split(TracedArray x, long[] places, int axis) {
    int at = own(x, axis);
    NDList parts = new NDList();
    int start = 0;
    for (int i = 0; i <= places.length; i++) {
      int end = i < places.length ? Math.toIntExact(places[i]) : x.term().shape().dim(at);
      parts.add(x.with(Term.of(Slice.of(at, start, end), x.term())));
      start = end;
    }
    return parts;
  }

  static TracedArray concat(List<TracedArray> parts, int axis) {
    TracedArray first = parts.getFirst();
    if (parts.stream().anyMatch(p -> p.each() != first.each())) {
      throw new Refusal("joins arrays with and without an axis of examples");
    }
    int at = own(first, axis);
    Term[] terms = parts.stream().map(TracedArray::term).toArray(Term[]::new);
    return terms.length == 1 ? first : first.with(Term.of(new Concat(at), terms));
  }

  static TracedArray get(TracedArray x, NDIndex index) {
    List<NDIndexElement> elements = new ArrayList<>(index.getIndices());
    int rank = x.getShape().dimension();
    if (elements.size() > rank) {
      throw new Refusal("takes " + elements.size() + " indices of shape " + x.getShape());
    }
    int rest = index.getEllipsisIndex() < 0 ? elements.size() : index.getEllipsisIndex();
    while (elements.size() < rank) {
      elements.add(rest, new NDIndexAll());
    }
    TracedArray part = x;
    List<Integer> gone = new ArrayList<>();
    for (int axis = 0; axis < rank; axis++) {
      switch (elements.get(axis)) {
        case NDIndexAll all -> {}
        case NDIndexFixed fixed -> {
          int at = place(fixed.getIndex(), x.getShape().get(axis));
          part = slice(part, axis, at, at + 1, 1);
          gone.add(axis);
        }
        case NDIndexSlice s -> part = slice(part, axis, s, x.getShape().get(axis));
        default -> throw new Refusal("takes parts of an array by " + elements.get(axis));
      }
    }
    return squeeze(part, gone.stream().mapToInt(Integer::intValue).toArray());
  }

  private static int place(long index, long size) {
    return Math.toIntExact(index < 0 ? index + size : index);
  }

  private static TracedArray slice(TracedArray x, int axis, NDIndexSlice s, long size) {
    int from = s.getMin() == null ? 0 : place(s.getMin(), size);
    int to = s.getMax() == null ? Math.toIntExact(size) : place(s.getMax(), size);
    return slice(x, axis, from, to, s.getStep() == null ? 1 : Math.toIntExact(s.getStep()));
  }

  private static TracedArray slice(TracedArray x, int axis, int from, int to, int step) {
    if (from == 0 && to == x.getShape().get(axis) && step == 1) {
      return x;
    }
    return x.with(Term.of(new Slice(own(x, axis), from, to, step), x.term()));
  }
}
