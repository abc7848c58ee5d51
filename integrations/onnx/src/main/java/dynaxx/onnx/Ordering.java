package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Subtract;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The largest values of an axis in order, by a sorting network (Batcher, 1968) of larger and
 * smaller ones, so that derivatives go to where the values come from.
 */
final class Ordering {

  /** Positions that are sorted; the network has n log^2 n comparisons. */
  private static final int MOST = 1 << 14;

  private Ordering() {}

  static void register(Map<String, Operator> operators) {
    operators.put("TopK", Ordering::topK);
  }

  private static List<Value> topK(Call c) {
    Value x = c.in(0);
    int axis = x.axis(c.whole("axis", -1));
    c.examples().requireOther(x, axis, "a search");
    long k = c.has(1) ? c.constant(1).whole(0) : c.whole("k", 0);
    int n = Math.toIntExact(x.dims()[axis]);
    c.require(k > 0 && k <= n, k + " of " + n, "from 1 to all");
    c.require(n <= MOST, n + " positions", "at most " + MOST);
    boolean largest = c.whole("largest", 1) != 0;
    Draft draft = c.draft();
    boolean whole = Elementwise.isWhole(x.body());
    Expr last = draft.axisToLast(draft.numbers(x.body()), x.at(axis));
    Expr places = places(last, n);
    Expr values = last;
    Expr own = last;
    for (int[] stage : stages(n)) {
      boolean[] first = new boolean[n];
      boolean[] moved = new boolean[n];
      for (int i = 0; i < n; i++) {
        first[i] = stage[i] > i;
        moved[i] = stage[i] != i;
      }
      values = sorted(values, stage, first, largest);
      Expr swap = swaps(own, places, stage, first, moved, largest);
      Expr otherPlaces = places.gather(places.shape.rank() - 1, stage);
      Expr otherValues = own.gather(own.shape.rank() - 1, stage);
      places = draft.where(swap, otherPlaces, places);
      own = draft.where(swap, otherValues, own);
    }
    Expr best = draft.lastToAxis(values.slice(values.shape.rank() - 1, 0, k, 1), x.at(axis));
    Expr at = draft.lastToAxis(places.slice(places.shape.rank() - 1, 0, k, 1), x.at(axis));
    List<Value> outputs = new ArrayList<>();
    outputs.add(x.with(whole ? new Whole(best, Elementwise.wholeType(List.of(x.body()))) : best));
    outputs.add(x.with(new Whole(at, StoredTensor.INT64)));
    return outputs;
  }

  private static Expr places(Expr like, int n) {
    float[] row = new float[n];
    for (int i = 0; i < n; i++) {
      row[i] = i;
    }
    Expr range = like.draft.constant(Tensor.of(new long[] {n}, row));
    return like.draft.broadcast(range, like.shape);
  }

  /** One stage: of each pair the better one comes first. */
  private static Expr sorted(Expr x, int[] partner, boolean[] first, boolean largest) {
    Draft draft = x.draft;
    Expr other = x.gather(x.shape.rank() - 1, partner);
    Expr high = draft.op(new Extreme(largest), x, other);
    Expr low = draft.op(new Extreme(!largest), x, other);
    return draft.where(mask(first, x), high, low);
  }

  private static Tensor mask(boolean[] chosen, Expr like) {
    long[] values = new long[chosen.length];
    Arrays.setAll(values, i -> chosen[i] ? 1 : 0);
    return Tensor.of(new long[] {values.length}, values, true).broadcast(like.dims());
  }

  /** Where a pair is in the wrong order: by value, and of equal ones by place. */
  private static Expr swaps(
      Expr x, Expr places, int[] partner, boolean[] first, boolean[] moved, boolean largest) {
    Draft draft = x.draft;
    int last = x.shape.rank() - 1;
    Expr other = x.gather(last, partner);
    Expr difference = draft.op(new Subtract(), other, x);
    Expr better = largest ? difference : draft.affine(difference, -1, 0);
    Expr above = draft.activate(Elementary.STEP, better);
    Expr below = draft.activate(Elementary.STEP, draft.affine(better, -1, 0));
    Expr equal = Steps.not(draft.op(Extreme.max(), above, below));
    Expr before =
        draft.activate(
            Elementary.STEP, draft.op(new Subtract(), places, places.gather(last, partner)));
    Expr otherFirst = draft.op(Extreme.max(), above, draft.op(new Multiply(), equal, before));
    Expr wrong = draft.where(mask(first, x), otherFirst, Steps.not(otherFirst));
    return draft.where(mask(moved, x), wrong, draft.affine(wrong, 0, 0));
  }

  /** The comparisons of Batcher's odd-even merge sort: for each position its partner, or itself. */
  private static List<int[]> stages(int n) {
    List<int[]> stages = new ArrayList<>();
    for (int p = 1; p < n; p *= 2) {
      for (int k = p; k >= 1; k /= 2) {
        int[] partner = IntStream.range(0, n).toArray();
        for (int j = k % p; j <= n - 1 - k; j += 2 * k) {
          for (int i = 0; i <= Math.min(k - 1, n - j - k - 1); i++) {
            if ((i + j) / (p * 2) == (i + j + k) / (p * 2)) {
              partner[i + j] = i + j + k;
              partner[i + j + k] = i + j;
            }
          }
        }
        stages.add(partner);
      }
    }
    return stages;
  }
}
