package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.network.op.Multiply;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Powers. Those with a known exponent are defined for negative bases too. */
final class Powers {

  /** Different exponents of one node. */
  private static final int MOST_EXPONENTS = 64;

  private Powers() {}

  static Body of(Draft draft, Body base, Body exponent) {
    if (base instanceof Tensor x && exponent instanceof Tensor y) {
      return Folding.power(x, y);
    }
    if (exponent instanceof Tensor t) {
      Tensor y = t.toFloats();
      Expr x = draft.expr(base);
      if (!y.allSame()) {
        return each(draft, x, y);
      }
      long[] to = Dims.common(x.dims(), y.dims());
      return draft.broadcast(of(x, y.number(0)), Dims.shape(to));
    }
    if (base instanceof Tensor t) {
      return ofConstant(draft, t.toFloats(), draft.expr(exponent));
    }
    Expr logarithm = draft.activate(Elementary.LOG, draft.expr(base));
    Expr product = draft.binary(new Multiply(), draft.expr(exponent), logarithm);
    return draft.activate(Elementary.EXP, product);
  }

  private static Expr of(Expr x, double exponent) {
    if (exponent == 1) {
      return x;
    }
    if (exponent == 0.5) {
      return x.draft.activate(Elementary.SQRT, x);
    }
    return x.draft.activate(exponent == -1 ? Elementary.RECIPROCAL : Elementary.power(exponent), x);
  }

  private static Expr ofConstant(Draft draft, Tensor base, Expr exponent) {
    for (int i = 0; i < base.stored(); i++) {
      if (!(base.number(i) > 0)) {
        throw new OnnxException(
            "found the base "
                + base.number(i)
                + " of computed exponents, expected a positive number");
      }
    }
    if (base.allSame() && Elementwise.covers(exponent, base)) {
      Expr scaled = draft.affine(exponent, Math.log(base.number(0)), 0);
      return draft.activate(Elementary.EXP, scaled);
    }
    Expr logarithm = draft.expr(Folding.unary(base, Math::log));
    return draft.activate(Elementary.EXP, draft.binary(new Multiply(), exponent, logarithm));
  }

  /** Elements sorted by their exponents: every one meets its own power alone. */
  private static Expr each(Draft draft, Expr x, Tensor exponents) {
    long[] to = Dims.common(x.dims(), exponents.dims());
    Tensor y = exponents.broadcast(to);
    int count = y.count();
    SortedMap<Float, List<Integer>> places = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      places.computeIfAbsent(y.number(i), key -> new ArrayList<>()).add(i);
      if (places.size() > MOST_EXPONENTS) {
        throw new OnnxException(
            "found more than " + MOST_EXPONENTS + " different exponents, expected fewer");
      }
    }
    Expr flat = draft.broadcast(x, Dims.shape(to)).reshape(new long[] {count});
    List<Expr> parts = new ArrayList<>();
    int[] back = new int[count];
    int next = 0;
    for (Map.Entry<Float, List<Integer>> e : places.entrySet()) {
      int[] own = e.getValue().stream().mapToInt(Integer::intValue).toArray();
      parts.add(of(flat.gather(0, own), e.getKey()));
      for (int place : own) {
        back[place] = next++;
      }
    }
    return draft.concat(parts, 0).gather(0, back).reshape(to);
  }
}
