package dynaxx.onnx;

import dynaxx.layer.Parameter;
import dynaxx.network.op.Operand;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Elements of parameters, not yet computed with, so that layers can use them where they lie. */
sealed interface Weight extends Body {

  /** The same as a node of the network. */
  Expr expr();

  @Override
  Body permute(int[] order);

  /**
   * Elements {@code offset + sum of index times stride} of one parameter.
   *
   * @param draft the network that the parameter belongs to
   * @param parameter whose elements
   * @param offset of the first
   * @param dims extents
   * @param strides elements from one position of an axis to the next
   */
  record View(Draft draft, Parameter parameter, long offset, long[] dims, long[] strides)
      implements Weight {

    static View of(Draft draft, Parameter parameter, long[] dims) {
      return new View(draft, parameter, 0, dims, Dims.strides(dims));
    }

    /** Whether it is the whole parameter in its own order. */
    boolean whole() {
      return offset == 0 && Dims.size(dims) == parameter.size() && contiguous();
    }

    /** The same for a layer, or null if an element comes twice or the axes run backwards. */
    Operand operand() {
      boolean distinct =
          IntStream.range(0, dims.length).allMatch(a -> dims[a] == 1 || strides[a] > 0);
      return distinct
          ? new Operand.View(
              parameter, offset, Dims.shape(dims), Arrays.stream(strides).boxed().toList())
          : null;
    }

    boolean contiguous() {
      long stride = 1;
      for (int a = dims.length - 1; a >= 0; a--) {
        if (dims[a] != 1 && strides[a] != stride) {
          return false;
        }
        stride *= dims[a];
      }
      return true;
    }

    @Override
    public Expr expr() {
      return draft.leaf(this);
    }

    @Override
    public View permute(int[] order) {
      return new View(
          draft, parameter, offset, Dims.permuted(dims, order), Dims.permuted(strides, order));
    }

    @Override
    public View slice(int axis, long start, long count, long step) {
      return new View(
          draft,
          parameter,
          offset + start * strides[axis],
          Dims.with(dims, axis, count),
          Dims.with(strides, axis, strides[axis] * step));
    }

    @Override
    public Body reshape(long[] to) {
      long[] found = reshapedStrides(to);
      return found == null
          ? draft.expr(this).reshape(to)
          : new View(draft, parameter, offset, to.clone(), found);
    }

    /** Strides that give the elements in the same order, or null if there are none. */
    private long[] reshapedStrides(long[] to) {
      int[] kept = IntStream.range(0, dims.length).filter(a -> dims[a] != 1).toArray();
      long[] result = new long[to.length];
      Arrays.fill(result, 1);
      int from = 0;
      int at = 0;
      while (from < kept.length && at < to.length) {
        int fromEnd = from + 1;
        int toEnd = at + 1;
        long left = dims[kept[from]];
        long right = to[at];
        while (left != right) {
          if (left < right) {
            left *= dims[kept[fromEnd++]];
          } else {
            right *= to[toEnd++];
          }
        }
        for (int a = from; a < fromEnd - 1; a++) {
          if (strides[kept[a]] != dims[kept[a + 1]] * strides[kept[a + 1]]) {
            return null;
          }
        }
        long inner = strides[kept[fromEnd - 1]];
        for (int a = toEnd - 1; a >= at; a--) {
          result[a] = inner;
          inner *= to[a];
        }
        from = fromEnd;
        at = toEnd;
      }
      return result;
    }

    @Override
    public Body gather(int axis, int[] indices) {
      long step = indices.length > 1 ? (long) indices[1] - indices[0] : 1;
      for (int i = 1; i < indices.length; i++) {
        if ((long) indices[i] - indices[i - 1] != step) {
          return draft.expr(this).gather(axis, indices);
        }
      }
      return slice(axis, indices[0], indices.length, step);
    }

    @Override
    public View expand(long[] to) {
      long[] repeated = strides.clone();
      for (int a = 0; a < to.length; a++) {
        repeated[a] = dims[a] == 1 && to[a] != 1 ? 0 : repeated[a];
      }
      return new View(draft, parameter, offset, to.clone(), repeated);
    }

    @Override
    public boolean uniform(int axis) {
      return dims[axis] == 1 || strides[axis] == 0;
    }

    @Override
    public String toString() {
      return "parameter '" + parameter.name() + "' seen as " + Arrays.toString(dims);
    }
  }

  /**
   * Parts one after the other along an axis.
   *
   * @param draft the network
   * @param axis along which
   * @param parts weights or constants, equal in the other extents
   * @param dims extents of all together
   */
  record Joined(Draft draft, int axis, List<Body> parts, long[] dims) implements Weight {

    /** Of parts that may be joined themselves. */
    static Joined of(Draft draft, int axis, List<Body> parts, long[] dims) {
      List<Body> flat = new ArrayList<>();
      for (Body part : parts) {
        if (part instanceof Joined j && j.axis == axis) {
          flat.addAll(j.parts);
        } else {
          flat.add(part);
        }
      }
      return new Joined(draft, axis, flat, dims);
    }

    @Override
    public Expr expr() {
      return draft.concat(parts.stream().map(draft::expr).toList(), axis);
    }

    @Override
    public Joined permute(int[] order) {
      int to = 0;
      while (order[to] != axis) {
        to++;
      }
      List<Body> moved = parts.stream().map(part -> part.permute(order)).toList();
      return new Joined(draft, to, moved, Dims.permuted(dims, order));
    }

    @Override
    public Body slice(int along, long start, long count, long step) {
      long[] to = Dims.with(dims, along, count);
      if (along != axis) {
        List<Body> cut = parts.stream().map(p -> p.slice(along, start, count, step)).toList();
        return new Joined(draft, axis, cut, to);
      }
      if (step != 1) {
        return draft.expr(this).slice(along, start, count, step);
      }
      List<Body> kept = new ArrayList<>();
      long before = 0;
      for (Body part : parts) {
        long extent = part.dims()[axis];
        long from = Math.max(start - before, 0);
        long end = Math.min(start + count - before, extent);
        if (from < end) {
          kept.add(part.slice(axis, from, end - from, 1));
        }
        before += extent;
      }
      return kept.size() == 1 ? kept.getFirst() : new Joined(draft, axis, kept, to);
    }

    @Override
    public Body reshape(long[] to) {
      // Axes of one position that come or go before or behind leave the parts as they are.
      int moved = onlyOnesChange(to);
      if (moved < 0) {
        return draft.expr(this).reshape(to);
      }
      List<Body> seen =
          parts.stream()
              .map(part -> part.reshape(Dims.with(to, moved, part.dims()[axis])))
              .toList();
      return new Joined(draft, moved, seen, to.clone());
    }

    /** Where the axis of the parts goes if the shapes differ by ones only, or -1. */
    private int onlyOnesChange(long[] to) {
      int from = 0;
      int found = -1;
      for (int at = 0; at < to.length; at++) {
        while (from < dims.length && dims[from] == 1 && from != axis && to[at] != 1) {
          from++;
        }
        if (to[at] == 1 && (from >= dims.length || dims[from] != 1)) {
          continue;
        }
        if (from >= dims.length || dims[from] != to[at]) {
          return -1;
        }
        found = from == axis ? at : found;
        from++;
      }
      return found;
    }

    @Override
    public Body gather(int along, int[] indices) {
      return draft.expr(this).gather(along, indices);
    }

    @Override
    public Body expand(long[] to) {
      return Arrays.equals(to, dims) ? this : draft.expr(this).expand(to);
    }

    @Override
    public String toString() {
      return "joined parameters of shape " + Arrays.toString(dims);
    }
  }
}
