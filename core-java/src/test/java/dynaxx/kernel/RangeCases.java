package dynaxx.kernel;

import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Passes of elementwise functions with arguments, tangents and adjoints from all over the range of
 * float32: what comes out is right wherever it is in that range, though derivatives and parts of
 * products may not be.
 */
final class RangeCases {

  private static final int N = 3001;

  private RangeCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    List<Pointwise> functions = new ArrayList<>(ActivationCases.functions());
    functions.add(Elementary.power(-2));
    functions.add(Elementary.power(0.5));
    functions.add(Elementary.power(3));
    for (Activation activation : Activation.values()) {
      functions.add(Pointwise.of(activation));
    }
    for (Pointwise f : functions) {
      cases.add(tangent(f));
      cases.add(tangentBackward(f));
      cases.add(curvature(f));
    }
    return cases;
  }

  /** Normal floats of any sign whose decimal exponents are spread evenly up to a limit. */
  static float[] anywhere(long seed, int n, double exponent) {
    Random random = new Random(seed * 31 + 5);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      double size = Math.pow(10, exponent * (2 * random.nextDouble() - 1));
      values[i] = (float) (random.nextBoolean() ? size : -size);
    }
    return values;
  }

  static float[] block(long seed, int first, int k, int n) {
    float[] values = new float[k * n];
    for (int i = 0; i < k; i++) {
      System.arraycopy(anywhere(seed * 1000 + first + i, n, 30), 0, values, i * n, n);
    }
    return values;
  }

  /** Whether a magnitude is well within float32, and what float64 adds to it too. */
  static boolean held(double value) {
    return Math.abs(value) > 1e-32 && Math.abs(value) < 1e36;
  }

  /** Derivatives of standard activations are float32, and vanish far out where it does. */
  private static boolean held(Pointwise f, double[] w, double value) {
    return held(value) && (f instanceof Elementary || Math.abs(w[1]) > 1e-36);
  }

  /** Arguments all over what a function is defined for. */
  private static float[] arguments(Pointwise f) {
    float[] wide = anywhere(111, N, 37);
    float[] uniform = new float[N];
    Random random = new Random(112);
    for (int i = 0; i < N; i++) {
      uniform[i] = 2 * random.nextFloat() - 1;
    }
    float[] x = new float[N];
    for (int i = 0; i < N; i++) {
      boolean odd = i % 2 == 1;
      x[i] =
          switch (f) {
            case Elementary e ->
                switch (e.kind()) {
                  case LOG, SQRT, POWER -> Math.abs(wide[i]);
                  case EXP, SINH, COSH -> 80 * uniform[i];
                  case SIN, COS, TAN -> odd ? 100 * uniform[i] : Math.min(wide[i], 1);
                  case ERF -> odd ? 9 * uniform[i] : Math.min(wide[i], 1);
                  case ELU -> odd ? 80 * uniform[i] : Math.abs(wide[i]);
                  case ASIN, ACOS, ATANH -> 0.999f * uniform[i];
                  case ACOSH -> Math.max(1.001f, Math.abs(wide[i]));
                  default -> wide[i];
                };
            case Pointwise.Standard(Activation a) ->
                odd
                    ? (a == Activation.GELU || a == Activation.GELU_TANH ? 4 : 80) * uniform[i]
                    : a == Activation.SOFTPLUS ? Math.abs(wide[i]) : wide[i];
          };
      if (f instanceof Elementary e && (e.kind() == Elementary.Kind.SIN || !odd)) {
        x[i] = e.kind().name().matches("SIN|COS|TAN|ERF") ? Math.max(x[i], -100) : x[i];
      }
    }
    return x;
  }

  /** Derivatives; the second of a standard activation is right to a part of the first. */
  private static double size(Pointwise f, double[] w) {
    return Math.abs(w[2]) + (f instanceof Elementary ? 0 : Math.abs(w[1]));
  }

  /** The slope of GELU changes its sign, where it cancels. */
  private static double tolerance(Pointwise f) {
    return f instanceof Elementary ? 2e-5 : 1e-4;
  }

  private static String name(Pointwise f, String pass) {
    return f + " " + pass + " over float32";
  }

  private static KernelCase tangent(Pointwise f) {
    float[] x = arguments(f);
    float[] rx = anywhere(113, N, 37);
    return KernelCase.single(
        name(f, "tangent"),
        "n " + N,
        0,
        tolerance(f),
        (d, first, k) -> {
          Buffer ry = d.out(N);
          d.kernels().activations().tangent(f, 1, N, d.in(x), d.in(rx), ry);
          double[] found = d.get(ry);
          for (int i = 0; i < N; i++) {
            double[] w = ReferenceKernels.activation(f, x[i]);
            found[i] = held(f, w, w[1] * rx[i]) ? found[i] : 0;
          }
          return found;
        },
        (first, k) -> {
          double[] ry = new double[N];
          for (int i = 0; i < N; i++) {
            double[] w = ReferenceKernels.activation(f, x[i]);
            ry[i] = held(f, w, w[1] * rx[i]) ? w[1] * rx[i] : 0;
          }
          return ry;
        });
  }

  /** In units of what is added up. */
  private static KernelCase tangentBackward(Pointwise f) {
    float[] x = arguments(f);
    float[] rx = anywhere(113, N, 37);
    float[] dy = anywhere(114, N, 37);
    float[] rdy = anywhere(115, N, 37);
    double[] unit = new double[N];
    double[] exact = new double[N];
    for (int i = 0; i < N; i++) {
      double[] w = ReferenceKernels.activation(f, x[i]);
      double size = Math.abs(w[1] * rdy[i]) + size(f, w) * Math.abs((double) dy[i] * rx[i]);
      unit[i] = held(f, w, size) ? size : 0;
      exact[i] = unit[i] > 0 ? (w[1] * rdy[i] + w[2] * dy[i] * rx[i]) / unit[i] : 0;
    }
    return KernelCase.single(
        name(f, "tangentBackward"),
        "n " + N,
        tolerance(f),
        0,
        (d, first, k) -> {
          Buffer rdx = d.out(N);
          d.kernels()
              .activations()
              .tangentBackward(f, 1, N, d.in(x), d.in(dy), d.in(rx), d.in(rdy), rdx, false);
          double[] found = d.get(rdx);
          for (int i = 0; i < N; i++) {
            found[i] = unit[i] > 0 ? found[i] / unit[i] : 0;
          }
          return found;
        },
        (first, k) -> exact);
  }

  /** Adjoints that make every term about 1. */
  private static KernelCase curvature(Pointwise f) {
    float[] x = arguments(f);
    float[] rx = anywhere(113, N, 30);
    float[] dy = Data.normal(116, N);
    double sum = 0;
    double size = 0;
    for (int i = 0; i < N; i++) {
      double[] w = ReferenceKernels.activation(f, x[i]);
      double square = (double) rx[i] * rx[i];
      double factor = 1 / (size(f, w) * square);
      dy[i] = held(f, w, factor) ? (float) (dy[i] * factor) : 0;
      sum += w[2] * dy[i] * square;
      size += size(f, w) * Math.abs(dy[i]) * square;
    }
    double unit = size == 0 ? 1 : size;
    double exact = sum / unit;
    return KernelCase.single(
        name(f, "curvature"),
        "n " + N,
        2e-6,
        0,
        (d, first, k) -> {
          Scalars c = d.scalars(0);
          d.kernels().activations().curvature(f, 1, N, d.in(x), d.in(dy), d.in(rx), c);
          return new double[] {c.read()[0] / unit};
        },
        (first, k) -> new double[] {exact});
  }
}
