package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Elementary.Kind;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Attention;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Gather;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.Permute;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Slice;
import dynaxx.network.op.Softmax;
import dynaxx.network.op.Where;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Recognises {@code softmax(s Q K' + mask) V} for one or more heads, whatever way queries, keys and
 * values have come there, and makes one {@link Attention} of it.
 */
final class AttentionMatch {

  /** What a mask adds to positions that are hidden, at most: exp of it is zero in float64. */
  private static final float HIDDEN = -1e4f;

  /** Elements up to which it is looked where queries, keys and values come from. */
  private static final int MOST = 1 << 22;

  private final Draft draft;
  private final Expr queries;
  private final Expr keys;
  private final Expr values;
  private final double scale;
  private final boolean causal;
  private final int heads;
  private final int tokens;
  private final int depth;

  private AttentionMatch(Expr queries, Expr keys, Expr values, double scale, boolean causal) {
    this.draft = queries.draft;
    this.queries = queries;
    this.keys = keys;
    this.values = values;
    this.scale = scale;
    this.causal = causal;
    this.heads = queries.shape.dim(0);
    this.tokens = queries.shape.dim(1);
    this.depth = queries.shape.dim(2);
  }

  /** The attention that ends with a product, or null if it is none. */
  static Expr of(Expr product) {
    if (!(product.op instanceof MatMul m) || m.transposeLeft() || m.transposeRight()) {
      return null;
    }
    Expr softmax = withoutOnes(product.inputs.get(0));
    if (!(softmax.op instanceof Softmax)) {
      return null;
    }
    Scores scores = Scores.of(softmax.input());
    if (scores == null || !(scores.product.op instanceof MatMul qk) || qk.transposeLeft()) {
      return null;
    }
    Expr q = threeAxes(scores.product.inputs.get(0));
    Expr right = threeAxes(scores.product.inputs.get(1));
    Expr v = threeAxes(product.inputs.get(1));
    if (q == null || right == null || v == null) {
      return null;
    }
    Expr k = qk.transposeRight() ? right : q.draft.permute(right, new int[] {0, 2, 1});
    boolean fits = q.shape.equals(k.shape) && q.shape.equals(v.shape) && q.shape.size() <= MOST;
    if (!fits) {
      return null;
    }
    AttentionMatch match = new AttentionMatch(q, k, v, scores.scale, scores.causal);
    return match.attention().reshape(product.dims());
  }

  /** Scores without scale and mask. */
  private record Scores(Expr product, double scale, boolean causal) {

    static Scores of(Expr scores) {
      Expr rest = withoutOnes(scores);
      boolean causal = false;
      if (rest.op instanceof Add) {
        Tensor mask = mask(rest.inputs.get(1));
        Expr other = rest.inputs.get(0);
        if (mask == null) {
          mask = mask(rest.inputs.get(0));
          other = rest.inputs.get(1);
        }
        if (mask == null || !isTriangle(mask, 0) && !mask.allZero()) {
          return null;
        }
        causal = !mask.allZero();
        rest = withoutOnes(other);
      } else if (rest.op instanceof Where) {
        Tensor shown = rest.draft.tensor(rest.op);
        Tensor hidden = mask(rest.inputs.get(1));
        boolean hides = hidden != null && hidden.allSame() && hidden.number(0) <= HIDDEN;
        if (!hides || !isTriangle(Folding.unary(shown.toFloats(), s -> s == 0 ? -1e30 : 0), 0)) {
          return null;
        }
        causal = true;
        rest = withoutOnes(rest.inputs.get(0));
      }
      double scale = 1;
      if (rest.op instanceof Activate(Elementary f) && f.kind() == Kind.AFFINE && f.b() == 0) {
        scale = f.a();
        rest = withoutOnes(rest.input());
      }
      return new Scores(rest, scale, causal);
    }

    private static Tensor mask(Expr e) {
      Expr constant = e.op instanceof Broadcast || e.op instanceof Reshape ? e.input() : e;
      return constant.op == null ? null : e.draft.tensor(constant.op);
    }

    /** Whether a mask of [... x tokens x tokens] shows a token itself and earlier ones. */
    private static boolean isTriangle(Tensor mask, float shown) {
      long[] dims = mask.dims();
      int rank = dims.length;
      if (rank < 2 || mask.filled() || dims[rank - 1] != dims[rank - 2]) {
        return false;
      }
      int n = (int) dims[rank - 1];
      for (int i = 0; i < mask.stored(); i++) {
        boolean earlier = i % n <= i / n % n;
        if (earlier ? mask.number(i) != shown : mask.number(i) > HIDDEN) {
          return false;
        }
      }
      return true;
    }
  }

  /** Behind reshapes that only add or drop axes of one position in front. */
  private static Expr withoutOnes(Expr e) {
    boolean plain =
        e.op instanceof Reshape && Arrays.equals(trimmed(e.dims()), trimmed(e.input().dims()));
    return plain ? e.input() : e;
  }

  private static long[] trimmed(long[] dims) {
    int first = 0;
    while (first < dims.length && dims[first] == 1) {
      first++;
    }
    return Arrays.copyOfRange(dims, first, dims.length);
  }

  /** As [heads x tokens x depth], or null if there are more axes. */
  private static Expr threeAxes(Expr e) {
    long[] dims = e.dims();
    int extra = Math.max(0, dims.length - 3);
    if (dims.length < 2 || IntStream.range(0, extra).anyMatch(a -> dims[a] != 1)) {
      return null;
    }
    return e.reshape(Dims.padded(Arrays.copyOfRange(dims, extra, dims.length), 3));
  }

  private Expr attention() {
    Source q = Source.of(queries);
    Source k = Source.of(keys);
    Source v = Source.of(values);
    int sharing = sharing(k, v);
    int keyHeads = heads / sharing;
    Expr input = sideBySide(q, k, v, sharing);
    if (input == null) {
      double extra = scale * Math.sqrt(depth);
      Expr scaled = Fusion.near(extra, 1) ? queries : draft.affine(queries, extra, 0);
      Expr parts =
          draft.concat(
              List.of(columns(scaled, 1), columns(keys, sharing), columns(values, sharing)), 1);
      input = parts;
    }
    Expr y = draft.op(new Attention(heads, keyHeads, causal), input);
    Expr perHead = draft.reshape(y, Dims.shape(new long[] {tokens, heads, depth}));
    return draft.permute(perHead, new int[] {1, 0, 2});
  }

  /** [heads x tokens x depth] as [tokens x columns], one of every so many heads. */
  private Expr columns(Expr e, int every) {
    Expr chosen = every == 1 ? e : e.slice(0, 0, heads / every, every);
    Expr tokensFirst = draft.permute(chosen, new int[] {1, 0, 2});
    return tokensFirst.reshape(new long[] {tokens, (long) heads / every * depth});
  }

  /** How many neighbouring queries have the same keys and values. */
  private int sharing(Source k, Source v) {
    for (int group = heads; group > 1; group--) {
      if (heads % group == 0 && repeats(k, group) && repeats(v, group)) {
        return group;
      }
    }
    return 1;
  }

  private boolean repeats(Source s, int group) {
    int size = tokens * depth;
    for (int h = 0; h < heads; h++) {
      int first = h / group * group * size;
      for (int i = 0; i < size; i++) {
        if (s.at[h * size + i] != s.at[first + i]) {
          return false;
        }
      }
    }
    return true;
  }

  /** The one source that holds all three as the op needs them, or null. */
  private Expr sideBySide(Source q, Source k, Source v, int sharing) {
    int columns = (heads + 2 * (heads / sharing)) * depth;
    double total = scale * q.factor * k.factor * Math.sqrt(depth);
    boolean fits =
        q.root == k.root
            && q.root == v.root
            && v.factor == 1
            && q.root.shape.size() == (long) tokens * columns
            && Fusion.near(total, 1);
    if (!fits) {
      return null;
    }
    int keyColumn = heads * depth;
    int valueColumn = keyColumn + heads / sharing * depth;
    boolean placed =
        at(q, 0, columns, 1)
            && at(k, keyColumn, columns, sharing)
            && at(v, valueColumn, columns, sharing);
    return placed ? q.root.reshape(new long[] {tokens, columns}) : null;
  }

  private boolean at(Source s, int column, int columns, int sharing) {
    int i = 0;
    for (int h = 0; h < heads; h++) {
      for (int t = 0; t < tokens; t++) {
        for (int d = 0; d < depth; d++) {
          if (s.at[i++] != t * columns + column + h / sharing * depth + d) {
            return false;
          }
        }
      }
    }
    return true;
  }

  /** Where elements come from, through rearrangements and factors. */
  private record Source(Expr root, int[] at, double factor) {

    static Source of(Expr e) {
      Expr root = e;
      int[] at = IntStream.range(0, Math.toIntExact(e.shape.size())).toArray();
      double factor = 1;
      while (true) {
        Tensor from = rearranged(root);
        if (from != null) {
          int[] before = at;
          at = IntStream.of(before).map(i -> (int) from.whole(i)).toArray();
        } else if (root.op instanceof Activate(Elementary f)
            && f.kind() == Kind.AFFINE
            && f.b() == 0) {
          factor *= f.a();
        } else {
          return new Source(root, at, factor);
        }
        root = root.input();
      }
    }

    /** For each element of a rearrangement its place in the input; null if it is none. */
    private static Tensor rearranged(Expr e) {
      boolean moves =
          e.op instanceof Reshape
              || e.op instanceof Permute
              || e.op instanceof Slice
              || e.op instanceof Gather
              || e.op instanceof Broadcast;
      if (!moves || e.input().shape.size() > MOST) {
        return null;
      }
      long[] dims = e.input().dims();
      Tensor places = places(e.input());
      return switch (e.op) {
        case Reshape r -> places.reshape(e.dims());
        case Permute p -> places.permute(p.axes().stream().mapToInt(Integer::intValue).toArray());
        case Slice s -> {
          int axis = s.axis() < 0 ? s.axis() + dims.length : s.axis();
          yield places.slice(axis, s.start(), e.shape.dim(axis), s.step());
        }
        case Gather s -> {
          int axis = s.axis() < 0 ? s.axis() + dims.length : s.axis();
          yield places.gather(axis, s.indices().stream().mapToInt(Integer::intValue).toArray());
        }
        case Broadcast b -> places.broadcast(e.dims());
        default -> null;
      };
    }

    private static Tensor places(Expr e) {
      long[] at = new long[Math.toIntExact(e.shape.size())];
      Arrays.setAll(at, i -> i);
      return Tensor.of(e.dims(), at, false);
    }
  }
}
