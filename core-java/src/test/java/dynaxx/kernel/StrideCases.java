package dynaxx.kernel;

import dynaxx.kernel.Walk.Axis;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** Copies and sums along strides, and selections. */
final class StrideCases {

  private StrideCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (boolean add : new boolean[] {true, false}) {
      cases.add(rearrange("one element", add));
      cases.add(rearrange("copy", add, new Axis(5000, 1, 1)));
      cases.add(rearrange("transpose", add, new Axis(70, 1, 130), new Axis(130, 70, 1)));
      cases.add(rearrange("transpose, other order", add, new Axis(9, 7, 1), new Axis(7, 1, 9)));
      cases.add(rearrange("backwards", add, new Axis(3, 100, 33), new Axis(33, -3, 1)));
      cases.add(
          rearrange("cube", add, new Axis(5, 1, 66), new Axis(6, 55, 11), new Axis(11, 5, 1)));
      cases.add(rearrange("spread", add, new Axis(40, 1, 7), new Axis(3, 0, 2)));
      cases.add(rearrange("repeat", add, new Axis(60, 0, 50), new Axis(50, 1, 1)));
      cases.add(rearrange("sum all", add, new Axis(9000, 1, 0)));
      cases.add(rearrange("sum of rows", add, new Axis(70, 33, 0), new Axis(33, 1, 1)));
      cases.add(rearrange("sum of columns", add, new Axis(300, 33, 1), new Axis(33, 1, 0)));
      cases.add(
          rearrange("sum outside", add, new Axis(4, 35, 0), new Axis(5, 7, 1), new Axis(7, 1, 0)));
      cases.add(
          rearrange("sum between", add, new Axis(4, 35, 7), new Axis(5, 7, 0), new Axis(7, 1, 1)));
      cases.add(rearrange("long rows", add, new Axis(3, 0, 0), new Axis(5000, 2, 3)));
    }
    for (int n : new int[] {1, 65, 5000}) {
      for (int inputs = 1; inputs < 4; inputs++) {
        cases.add(select(n, inputs, n % 2 == 0));
        cases.add(select(n, inputs, n % 2 == 1));
      }
      cases.add(compare(n, true));
      cases.add(compare(n, false));
    }
    return cases;
  }

  private static int span(List<Axis> axes, java.util.function.ToLongFunction<Axis> stride) {
    return (int)
        axes.stream().mapToLong(a -> (a.extent() - 1) * Math.abs(stride.applyAsLong(a))).sum();
  }

  /** Negative strides begin at the end. */
  private static int offset(List<Axis> axes) {
    return (int)
        axes.stream().mapToLong(a -> (a.extent() - 1) * Math.max(0, -a.fromStride())).sum();
  }

  private static KernelCase rearrange(String label, boolean add, Axis... list) {
    List<Axis> axes = List.of(list);
    int from = span(axes, Axis::fromStride) + 5;
    int to = span(axes, Axis::toStride) + 5;
    Walk walk = new Walk(axes, offset(axes) + 2, 3);
    return KernelCase.perDirection(
        "rearrange",
        label + ", add " + add,
        1e-5,
        2e-7,
        (d, first, k) -> {
          Buffer out = d.out(Data.block(72, first, k, to), add);
          Buffer in = d.in(Data.block(71, first, k, from));
          d.kernels().strides().rearrange(walk.repeated(k, from, to), -1.5, in, out, add);
          return d.get(out);
        },
        (first, k) -> {
          float[] x = Data.block(71, first, k, from);
          float[] old = Data.block(72, first, k, to);
          double[] y = Data.widen(add ? old : Data.nan(old.length));
          for (int i = 0; i < k; i++) {
            int source = i * from + (int) walk.fromOffset();
            int target = i * to + (int) walk.toOffset();
            visit(axes, source, target, (s, t) -> y[t] = add ? y[t] : 0);
            visit(axes, source, target, (s, t) -> y[t] += -1.5 * x[s]);
          }
          return y;
        });
  }

  private interface Visitor {
    void at(int source, int target);
  }

  private static void visit(List<Axis> axes, int source, int target, Visitor visitor) {
    if (axes.isEmpty()) {
      visitor.at(source, target);
      return;
    }
    Axis axis = axes.getFirst();
    for (int i = 0; i < axis.extent(); i++) {
      int s = source + i * (int) axis.fromStride();
      int t = target + i * (int) axis.toStride();
      visit(axes.subList(1, axes.size()), s, t, visitor);
    }
  }

  private static float[] mask(int n) {
    float[] mask = Data.whole(73, n, 3);
    mask[0] = 1;
    return mask;
  }

  /** A value that is not chosen may be anything. */
  private static float[] poisoned(long seed, int first, int k, int n, boolean whereChosen) {
    float[] values = Data.block(seed, first, k, n);
    float[] mask = mask(n);
    for (int i = 0; i < values.length; i++) {
      values[i] = mask[i % n] != 0 == whereChosen ? Float.NaN : values[i];
    }
    return values;
  }

  /** Inputs 1: the first only; 2: the second only; 3: both. */
  private static KernelCase select(int n, int inputs, boolean add) {
    boolean left = (inputs & 1) != 0;
    boolean right = (inputs & 2) != 0;
    return KernelCase.perDirection(
        "select",
        "n " + n + (left ? ", a" : "") + (right ? ", b" : "") + ", add " + add,
        3e-7,
        2e-7,
        (d, first, k) -> {
          Buffer y = d.out(Data.block(76, first, k, n), add);
          Buffer a = left ? d.in(poisoned(74, first, k, n, false)) : null;
          Buffer b = right ? d.in(poisoned(75, first, k, n, true)) : null;
          d.kernels().strides().select(k, n, d.in(mask(n)), a, b, y, add);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = Data.base(Data.block(76, first, k, n), add);
          float[] a = Data.block(74, first, k, n);
          float[] b = Data.block(75, first, k, n);
          float[] mask = mask(n);
          for (int i = 0; i < y.length; i++) {
            boolean chosen = mask[i % n] != 0;
            y[i] += chosen && left ? a[i] : !chosen && right ? b[i] : 0;
          }
          return y;
        });
  }

  private static KernelCase compare(int n, boolean greater) {
    float[] a = Data.whole(77, n, 4);
    float[] b = Data.whole(78, n, 4);
    a[n / 2] = Float.NaN;
    b[n / 3] = n > 3 ? Float.NaN : b[0];
    return KernelCase.single(
        "compare",
        "n " + n + (greater ? ", >" : ", <"),
        0,
        0,
        (d, first, k) -> {
          Buffer mask = d.out(n);
          d.kernels().strides().compare(greater, n, d.in(a), d.in(b), mask);
          return d.get(mask);
        },
        (first, k) -> {
          double[] mask = new double[n];
          for (int i = 0; i < n; i++) {
            mask[i] = (greater ? a[i] > b[i] : b[i] > a[i]) || i == n / 2 ? 1 : 0;
          }
          return mask;
        });
  }
}
