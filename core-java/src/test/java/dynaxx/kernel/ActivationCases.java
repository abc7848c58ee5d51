package dynaxx.kernel;

import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** Activations and their passes. */
final class ActivationCases {

  private ActivationCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (Activation activation : Activation.values()) {
      Pointwise f = Pointwise.of(activation);
      for (int n : new int[] {1, 7, 17, 65, 129, 2049, 5000}) {
        cases.add(value(f, n));
        cases.add(backward(f, n, n % 2 == 0));
        cases.add(tangent(f, n));
        cases.add(tangentBackward(f, n, n % 4 == 1));
        cases.add(curvature(f, n));
      }
      cases.add(tails(f));
    }
    for (Elementary f : functions()) {
      for (int n : new int[] {1, 17, 65, 2049}) {
        cases.add(value(f, n));
        cases.add(backward(f, n, n % 2 == 0));
        cases.add(tangent(f, n));
        cases.add(tangentBackward(f, n, n % 4 == 1));
        cases.add(curvature(f, n));
      }
    }
    return cases;
  }

  /** One of each kind; of powers several. */
  static List<Elementary> functions() {
    return List.of(
        Elementary.EXP,
        Elementary.LOG,
        Elementary.SQRT,
        Elementary.RECIPROCAL,
        Elementary.power(2.5),
        Elementary.power(2),
        Elementary.power(1),
        Elementary.power(-1),
        Elementary.ABS,
        Elementary.ERF,
        Elementary.NEGATE,
        Elementary.affine(-1.5, 0.3),
        Elementary.clip(-0.4, 1.1),
        Elementary.leakyRelu(0.01),
        Elementary.elu(1.3),
        Elementary.hardSigmoid(1.0 / 6, 0.5),
        Elementary.SOFTSIGN,
        Elementary.SIN,
        Elementary.COS,
        Elementary.TAN,
        Elementary.ASIN,
        Elementary.ACOS,
        Elementary.ATAN,
        Elementary.SINH,
        Elementary.COSH,
        Elementary.ASINH,
        Elementary.ACOSH,
        Elementary.ATANH,
        Elementary.STEP,
        Elementary.FLOOR,
        Elementary.ROUND);
  }

  /** Whether a function is undefined or has a pole at 0 or beyond, so that inputs stay away. */
  static boolean positive(Pointwise f) {
    return f instanceof Elementary e
        && switch (e.kind()) {
          case LOG, SQRT, RECIPROCAL, POWER -> true;
          default -> false;
        };
  }

  /** Whether a function grows fast: its terms would be large and cancel, were inputs far out. */
  private static boolean grows(Pointwise f) {
    return f instanceof Elementary e
        && switch (e.kind()) {
          case EXP, POWER, SINH, COSH -> true;
          default -> false;
        };
  }

  /** Inputs with a wide spread, so that tails occur, within what the function is defined for. */
  private static float[] inputs(Pointwise f, int n) {
    float[] x = Data.normal(11, n);
    Elementary.Kind kind = f instanceof Elementary e ? e.kind() : null;
    for (int i = 0; i < n; i++) {
      if (kind == Elementary.Kind.ASIN
          || kind == Elementary.Kind.ACOS
          || kind == Elementary.Kind.ATANH
          || kind == Elementary.Kind.TAN) {
        x[i] = 0.9f * (float) Math.tanh(x[i]);
        continue;
      }
      if (kind == Elementary.Kind.ACOSH) {
        x[i] = 1.5f + Math.abs(x[i]);
        continue;
      }
      x[i] *= grows(f) ? 0.4f : i % 5 == 0 ? 4 : 1;
      x[i] = positive(f) ? 0.5f + Math.abs(x[i]) : x[i];
    }
    return x;
  }

  private static String name(Pointwise f, String pass) {
    return (f instanceof Elementary ? f.label() : f) + " " + pass;
  }

  private static String on(Pointwise f, int n) {
    boolean constants = f instanceof Elementary e && (e.a() != 0 || e.b() != 0);
    return (constants ? f + ", " : "") + "n " + n;
  }

  private static KernelCase value(Pointwise f, int n) {
    float[] x = inputs(f, n);
    return KernelCase.single(
        name(f, "value"),
        on(f, n),
        1e-7,
        6e-7,
        (d, first, k) -> {
          Buffer y = d.out(n);
          d.kernels().activations().forward(f, n, d.in(x), y);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = new double[n];
          for (int i = 0; i < n; i++) {
            y[i] = ReferenceKernels.activation(f, x[i])[0];
          }
          return y;
        });
  }

  /** The left tail must keep its digits, not only be small. */
  private static KernelCase tails(Pointwise f) {
    int n = 3001;
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = -2 - i * 0.002f;
    }
    float[] ones = new float[n];
    java.util.Arrays.fill(ones, 1);
    return KernelCase.single(
        name(f, "tail"),
        "-2 to -8",
        f.equals(Pointwise.of(Activation.GELU_TANH)) ? 1e-9 : 1e-30,
        f.equals(Pointwise.of(Activation.GELU_TANH)) ? 1e-4 : 2e-6,
        (d, first, k) -> {
          Buffer y = d.out(n);
          Buffer dx = d.out(n);
          d.kernels().activations().forward(f, n, d.in(x), y);
          d.kernels().activations().backward(f, n, d.in(x), d.in(ones), dx, false);
          return Data.join(d.get(y), d.get(dx));
        },
        (first, k) -> {
          double[] y = new double[2 * n];
          for (int i = 0; i < n; i++) {
            double[] w = ReferenceKernels.activation(f, x[i]);
            y[i] = w[0];
            y[n + i] = w[1];
          }
          return y;
        });
  }

  private static KernelCase backward(Pointwise f, int n, boolean add) {
    float[] x = inputs(f, n);
    float[] dy = Data.normal(12, n);
    float[] old = Data.normal(13, n);
    return KernelCase.single(
        name(f, "backward"),
        on(f, n) + ", add " + add,
        1e-6,
        6e-7,
        (d, first, k) -> {
          Buffer dx = d.out(old, add);
          d.kernels().activations().backward(f, n, d.in(x), d.in(dy), dx, add);
          return d.get(dx);
        },
        (first, k) -> {
          double[] dx = Data.base(old, add);
          for (int i = 0; i < n; i++) {
            dx[i] += ReferenceKernels.activation(f, x[i])[1] * dy[i];
          }
          return dx;
        });
  }

  private static KernelCase tangent(Pointwise f, int n) {
    float[] x = inputs(f, n);
    return KernelCase.perDirection(
        name(f, "tangent"),
        on(f, n),
        1e-6,
        6e-7,
        (d, first, k) -> {
          Buffer ry = d.out((long) k * n);
          d.kernels()
              .activations()
              .tangent(f, k, n, d.in(x), d.in(Data.block(14, first, k, n)), ry);
          return d.get(ry);
        },
        (first, k) -> {
          double[] ry = Data.widen(Data.block(14, first, k, n));
          for (int i = 0; i < ry.length; i++) {
            ry[i] *= ReferenceKernels.activation(f, x[i % n])[1];
          }
          return ry;
        });
  }

  private static KernelCase tangentBackward(Pointwise f, int n, boolean add) {
    float[] x = inputs(f, n);
    float[] dy = Data.normal(12, n);
    return KernelCase.perDirection(
        name(f, "tangentBackward"),
        on(f, n) + ", add " + add,
        3e-6,
        6e-7,
        (d, first, k) -> {
          Buffer rdx = d.out(Data.block(17, first, k, n), add);
          Buffer rx = d.in(Data.block(15, first, k, n));
          Buffer rdy = d.in(Data.block(16, first, k, n));
          d.kernels().activations().tangentBackward(f, k, n, d.in(x), d.in(dy), rx, rdy, rdx, add);
          return d.get(rdx);
        },
        (first, k) -> {
          double[] rdx = Data.base(Data.block(17, first, k, n), add);
          float[] rx = Data.block(15, first, k, n);
          float[] rdy = Data.block(16, first, k, n);
          for (int i = 0; i < rdx.length; i++) {
            double[] w = ReferenceKernels.activation(f, x[i % n]);
            rdx[i] += w[1] * rdy[i] + w[2] * rx[i] * dy[i % n];
          }
          return rdx;
        });
  }

  private static KernelCase curvature(Pointwise f, int n) {
    float[] x = inputs(f, n);
    float[] dy = Data.normal(12, n);
    return KernelCase.perDirection(
        name(f, "curvature"),
        on(f, n),
        1e-6 * Math.sqrt(n),
        1e-6,
        (d, first, k) -> {
          Scalars c = d.scalars(new double[k]);
          Buffer rx = d.in(Data.block(15, first, k, n));
          d.kernels().activations().curvature(f, k, n, d.in(x), d.in(dy), rx, c);
          return c.read();
        },
        (first, k) -> {
          double[] c = new double[k];
          float[] rx = Data.block(15, first, k, n);
          for (int i = 0; i < rx.length; i++) {
            double bend = ReferenceKernels.activation(f, x[i % n])[2];
            c[i / n] += dy[i % n] * bend * rx[i] * rx[i];
          }
          return c;
        });
  }
}
