package dynaxx.kernel;

import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.PoolKernels.Pooling;
import dynaxx.kernel.Windows.Adaptive;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Convolution and pooling. */
final class ImageCases {

  private ImageCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (Convolution s : convolutions()) {
      boolean odd = s.images() % 2 == 1;
      for (int shared = 0; shared < 3; shared++) {
        cases.add(convolve(s, shared, odd, !odd));
        cases.add(convolve(s, shared, !odd, odd));
        cases.add(convolveInput(s, shared, odd));
        cases.add(convolveWeight(s, shared, odd));
      }
    }
    for (Pooling s : poolings()) {
      boolean odd = s.planes() % 2 == 1;
      cases.add(maxPool(s, "ties", tied(s)));
      cases.add(maxPool(s, "not all finite", notAllFinite(s)));
      cases.add(pick(s));
      cases.add(pickBackward(s, odd));
      cases.add(averagePool(s, odd));
      cases.add(averagePoolBackward(s, odd, true));
      cases.add(averagePoolBackward(s, !odd, false));
    }
    return cases;
  }

  private static Sliding slide(
      int size, int kernel, int stride, int before, int after, int dilation) {
    return new Sliding(size, kernel, stride, before, after, dilation);
  }

  private static List<Convolution> convolutions() {
    return List.of(
        new Convolution(3, 1, 2, 1, slide(5, 3, 1, 1, 1, 1), slide(7, 3, 1, 1, 1, 1)),
        new Convolution(2, 3, 4, 1, slide(9, 3, 2, 0, 1, 1), slide(8, 3, 2, 1, 0, 1)),
        new Convolution(3, 2, 3, 1, slide(8, 3, 1, 2, 1, 2), slide(6, 2, 3, 0, 2, 3)),
        new Convolution(2, 4, 6, 2, slide(5, 2, 1, 0, 0, 1), slide(5, 3, 2, 2, 1, 1)),
        new Convolution(5, 3, 6, 3, slide(4, 3, 1, 1, 1, 1), slide(6, 3, 1, 1, 1, 1)),
        new Convolution(3, 5, 7, 1, slide(3, 1, 1, 0, 0, 1), slide(3, 1, 1, 0, 0, 1)),
        new Convolution(2, 2, 3, 1, slide(1, 1, 1, 0, 0, 1), slide(11, 5, 2, 2, 2, 1)),
        new Convolution(2, 2, 2, 1, slide(2, 3, 4, 3, 3, 1), slide(3, 3, 4, 4, 3, 1)),
        new Convolution(2, 17, 33, 1, slide(9, 3, 1, 1, 1, 1), slide(9, 3, 1, 1, 1, 1)),
        new Convolution(3, 32, 10, 2, slide(7, 3, 2, 1, 0, 1), slide(6, 2, 1, 2, 1, 2)),
        // weights that are too many for a sum of each part of the images
        new Convolution(2, 96, 96, 1, slide(2, 3, 1, 1, 1, 1), slide(2, 3, 1, 1, 1, 1)),
        // more images than are laid out at a time, as columns, and for the gradient of weights
        new Convolution(18, 1, 2, 1, slide(24, 9, 1, 4, 4, 1), slide(24, 9, 1, 4, 4, 1)),
        new Convolution(45, 1, 2, 1, slide(32, 1, 1, 0, 0, 1), slide(32, 3, 1, 1, 1, 1)));
  }

  private static List<Pooling> poolings() {
    List<Pooling> found = new ArrayList<>();
    Windows[][] shapes = {
      {slide(6, 2, 2, 0, 0, 1), slide(8, 2, 2, 0, 0, 1)},
      {slide(7, 3, 2, 1, 0, 1), slide(5, 3, 2, 0, 2, 1)},
      {slide(5, 3, 1, 1, 1, 1), slide(9, 1, 3, 0, 0, 1)},
      {new Adaptive(7, 3), new Adaptive(5, 4)},
      {new Adaptive(6, 1), new Adaptive(9, 1)},
      {new Adaptive(3, 5), new Adaptive(4, 4)},
      {slide(65, 3, 2, 1, 1, 1), slide(65, 3, 2, 1, 1, 1)},
    };
    for (int i = 0; i < shapes.length; i++) {
      found.add(new Pooling(5 + i, shapes[i][0], shapes[i][1]));
    }
    return found;
  }

  // ---- convolution

  /** Every product of a weight and a pixel. */
  private interface Term {
    void add(int output, int weight, int input);
  }

  /** Indices within one image and one direction's weights. */
  private static void terms(Convolution s, Term term) {
    int in = s.channels() / s.groups();
    int out = s.outputs() / s.groups();
    for (int o = 0; o < s.outputs(); o++) {
      for (int c = 0; c < in; c++) {
        for (int i = 0; i < s.y().kernel(); i++) {
          for (int j = 0; j < s.x().kernel(); j++) {
            int weight = ((o * in + c) * s.y().kernel() + i) * s.x().kernel() + j;
            for (int p = 0; p < s.y().count(); p++) {
              for (int q = 0; q < s.x().count(); q++) {
                int row = p * s.y().stride() - s.y().before() + i * s.y().dilation();
                int col = q * s.x().stride() - s.x().before() + j * s.x().dilation();
                if (row < 0 || row >= s.y().size() || col < 0 || col >= s.x().size()) {
                  continue;
                }
                int channel = o / out * in + c;
                int pixel = (channel * s.y().size() + row) * s.x().size() + col;
                term.add((o * s.y().count() + p) * s.x().count() + q, weight, pixel);
              }
            }
          }
        }
      }
    }
  }

  private static int inputs(Convolution s) {
    return s.images() * s.channels() * s.y().size() * s.x().size();
  }

  private static int places(Convolution s) {
    return s.images() * s.outputs() * s.y().count() * s.x().count();
  }

  private static int weights(Convolution s) {
    return s.outputs() * s.channels() / s.groups() * s.y().kernel() * s.x().kernel();
  }

  private static final String[] SHARED = {"each its own", "one first", "one weight"};

  /** Values of k runs, or of one that all of them share. */
  private static float[] values(long seed, int first, int k, int n, boolean one) {
    return one ? Data.normal(seed, n) : Data.block(seed, first, k, n);
  }

  private static Strided runs(KernelTrial d, float[] values, int n, boolean one) {
    return new Strided(d.in(values), 0, one ? 0 : n);
  }

  /** The part of direction i. */
  private static int at(boolean one, int i, int n) {
    return one ? 0 : i * n;
  }

  /** As for a matrix product of that depth; see {@link MatrixCases}. */
  private static double tolerance(long terms) {
    return 3 * 0x1p-24 * (terms + 4);
  }

  private static KernelCase convolve(Convolution s, int shared, boolean withBias, boolean add) {
    boolean oneX = shared == 1;
    boolean oneW = shared == 2;
    int n = places(s);
    return KernelCase.perDirection(
        "convolve",
        s + ", " + SHARED[shared] + ", bias " + withBias + ", add " + add,
        tolerance(s.depth()),
        2e-6,
        (d, first, k) -> {
          Strided x = runs(d, values(201, first, k, inputs(s), oneX), inputs(s), oneX);
          Strided w = runs(d, values(202, first, k, weights(s), oneW), weights(s), oneW);
          float[] shifts = Data.block(203, first, k, s.outputs());
          Strided bias = withBias ? new Strided(d.in(shifts), 0, s.outputs()) : null;
          Buffer y = d.out(Data.block(204, first, k, n), add);
          d.kernels().convolutions().convolve(s, k, x, w, bias, y, add);
          return d.get(y);
        },
        (first, k) -> {
          float[] x = values(201, first, k, inputs(s), oneX);
          float[] w = values(202, first, k, weights(s), oneW);
          float[] bias = Data.block(203, first, k, s.outputs());
          double[] y = Data.base(Data.block(204, first, k, n), add);
          int plane = s.y().count() * s.x().count();
          for (int i = 0; i < y.length && withBias; i++) {
            y[i] += bias[i / n * s.outputs() + i / plane % s.outputs()];
          }
          for (int i = 0; i < k; i++) {
            for (int b = 0; b < s.images(); b++) {
              int to = i * n + b * (n / s.images());
              int from = at(oneX, i, inputs(s)) + b * (inputs(s) / s.images());
              int of = at(oneW, i, weights(s));
              terms(s, (o, e, p) -> y[to + o] += (double) w[of + e] * x[from + p]);
            }
          }
          return y;
        });
  }

  private static KernelCase convolveInput(Convolution s, int shared, boolean add) {
    boolean oneY = shared == 1;
    boolean oneW = shared == 2;
    int n = inputs(s);
    return KernelCase.perDirection(
        "convolveInput",
        s + ", " + SHARED[shared] + ", add " + add,
        tolerance((long) s.depth() * s.outputs() / s.channels() + 1),
        2e-6,
        (d, first, k) -> {
          Strided dy = runs(d, values(205, first, k, places(s), oneY), places(s), oneY);
          Strided w = runs(d, values(202, first, k, weights(s), oneW), weights(s), oneW);
          Buffer dx = d.out(Data.block(206, first, k, n), add);
          d.kernels().convolutions().convolveInput(s, k, dy, w, dx, add);
          return d.get(dx);
        },
        (first, k) -> {
          float[] dy = values(205, first, k, places(s), oneY);
          float[] w = values(202, first, k, weights(s), oneW);
          double[] dx = Data.base(Data.block(206, first, k, n), add);
          for (int i = 0; i < k; i++) {
            for (int b = 0; b < s.images(); b++) {
              int to = i * n + b * (n / s.images());
              int from = at(oneY, i, places(s)) + b * (places(s) / s.images());
              int of = at(oneW, i, weights(s));
              terms(s, (o, e, p) -> dx[to + p] += (double) w[of + e] * dy[from + o]);
            }
          }
          return dx;
        });
  }

  private static KernelCase convolveWeight(Convolution s, int shared, boolean withBias) {
    boolean oneX = shared == 1;
    boolean oneY = shared == 2;
    int n = weights(s) + s.outputs();
    return KernelCase.perDirection(
        "convolveWeight",
        s + ", " + new String[] {"each its own", "one x", "one dy"}[shared] + ", bias " + withBias,
        tolerance(places(s) / s.outputs()),
        2e-6,
        (d, first, k) -> {
          Strided x = runs(d, values(201, first, k, inputs(s), oneX), inputs(s), oneX);
          Strided dy = runs(d, values(205, first, k, places(s), oneY), places(s), oneY);
          Buffer dw = d.inOut(Data.block(207, first, k, n));
          Strided dbias = withBias ? new Strided(dw, weights(s), n) : null;
          d.kernels().convolutions().convolveWeight(s, k, x, dy, new Strided(dw, 0, n), dbias);
          return d.get(dw);
        },
        (first, k) -> {
          float[] x = values(201, first, k, inputs(s), oneX);
          float[] dy = values(205, first, k, places(s), oneY);
          double[] dw = Data.widen(Data.block(207, first, k, n));
          for (int i = 0; i < k; i++) {
            for (int b = 0; b < s.images(); b++) {
              int to = i * n;
              int pixels = at(oneX, i, inputs(s)) + b * (inputs(s) / s.images());
              int adjoints = at(oneY, i, places(s)) + b * (places(s) / s.images());
              terms(s, (o, e, p) -> dw[to + e] += (double) x[pixels + p] * dy[adjoints + o]);
              for (int o = 0; o < places(s) / s.images() && withBias; o++) {
                dw[to + weights(s) + o / s.outPlane()] += dy[adjoints + o];
              }
            }
          }
          return dw;
        });
  }

  // ---- pooling

  /** Every pixel of every window of a plane. */
  private interface Seen {
    void run(int window, int pixel);
  }

  private static void windows(Pooling s, Seen seen) {
    for (int p = 0; p < s.y().count(); p++) {
      int[] rows = seen(s.y(), p);
      for (int q = 0; q < s.x().count(); q++) {
        int[] cols = seen(s.x(), q);
        for (int row : rows) {
          for (int col : cols) {
            seen.run(p * s.x().count() + q, row * s.x().size() + col);
          }
        }
      }
    }
  }

  private static int[] seen(Windows w, int o) {
    return IntStream.range(0, w.size()).filter(pixel -> sees(w, o, pixel)).toArray();
  }

  private static boolean sees(Windows w, int o, int pixel) {
    if (w instanceof Sliding a) {
      int from = o * a.stride() - a.before();
      return pixel >= from && pixel < from + a.kernel();
    }
    double each = (double) w.size() / w.count();
    return pixel >= Math.floor(o * each + 1e-9) && pixel < Math.ceil((o + 1) * each - 1e-9);
  }

  private static double[] divisors(Pooling s, boolean padding) {
    double[] pixels = new double[s.outPlane()];
    windows(s, (window, pixel) -> pixels[window]++);
    if (padding && s.y() instanceof Sliding y && s.x() instanceof Sliding x) {
      java.util.Arrays.fill(pixels, y.kernel() * x.kernel());
    }
    return pixels;
  }

  /** Few different values, so that there are ties. */
  private static float[] tied(Pooling s) {
    return Data.whole(211, (int) s.planes() * s.inPlane(), 5);
  }

  private static final float[] NOT_ALL_FINITE = {
    Float.NEGATIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    -1,
    -1,
    -1,
    -0f,
    -0f,
    -0f,
    0,
    0,
    0,
    Float.POSITIVE_INFINITY,
    Float.NaN
  };

  private static float[] notAllFinite(Pooling s) {
    float[] x = Data.whole(218, (int) s.planes() * s.inPlane(), NOT_ALL_FINITE.length);
    for (int i = 0; i < x.length; i++) {
      x[i] = NOT_ALL_FINITE[(int) x[i]];
    }
    return x;
  }

  private static boolean larger(float a, float b) {
    return Float.isNaN(a) ? !Float.isNaN(b) : a > b;
  }

  private static int[] places(Pooling s, float[] x) {
    int[] best = new int[(int) s.planes() * s.outPlane()];
    java.util.Arrays.fill(best, -1);
    for (int plane = 0; plane < s.planes(); plane++) {
      int from = plane * s.inPlane();
      int to = plane * s.outPlane();
      windows(
          s,
          (window, pixel) -> {
            int old = best[to + window];
            if (old < 0 || larger(x[from + pixel], x[from + old])) {
              best[to + window] = pixel;
            }
          });
    }
    return best;
  }

  private static float[] index(Pooling s, float[] x) {
    int[] places = places(s, x);
    float[] index = new float[places.length];
    for (int i = 0; i < index.length; i++) {
      index[i] = places[i];
    }
    return index;
  }

  private static KernelCase maxPool(Pooling s, String label, float[] x) {
    int n = (int) s.planes() * s.outPlane();
    return KernelCase.single(
        "maxPool",
        s + ", " + label,
        0,
        0,
        (d, first, k) -> {
          Buffer y = d.out(n);
          Buffer index = d.out(n);
          d.kernels().pools().maxPool(s, d.in(x), y, index);
          return Data.join(d.get(y), d.get(index));
        },
        (first, k) -> {
          double[] index = Data.widen(index(s, x));
          double[] y = new double[n];
          for (int i = 0; i < n; i++) {
            y[i] = x[i / s.outPlane() * s.inPlane() + (int) index[i]];
          }
          return Data.join(y, index);
        });
  }

  private static KernelCase pick(Pooling s) {
    long in = s.planes() * s.inPlane();
    long out = s.planes() * s.outPlane();
    return KernelCase.perDirection(
        "pick",
        s.toString(),
        0,
        0,
        (d, first, k) -> {
          Buffer y = d.out(k * out);
          d.kernels()
              .pools()
              .maxPoolTangent(
                  s, k, d.in(index(s, tied(s))), d.in(Data.block(212, first, k, in)), y);
          return d.get(y);
        },
        (first, k) -> {
          float[] x = Data.block(212, first, k, in);
          int[] places = places(s, tied(s));
          double[] y = new double[(int) (k * out)];
          for (int i = 0; i < y.length; i++) {
            y[i] = x[i / s.outPlane() * s.inPlane() + places[i % places.length]];
          }
          return y;
        });
  }

  private static KernelCase pickBackward(Pooling s, boolean add) {
    long in = s.planes() * s.inPlane();
    long out = s.planes() * s.outPlane();
    return KernelCase.perDirection(
        "pickBackward",
        s + ", add " + add,
        1e-6,
        1e-6,
        (d, first, k) -> {
          Buffer dx = d.out(Data.block(214, first, k, in), add);
          Buffer dy = d.in(Data.block(213, first, k, out));
          d.kernels().pools().maxPoolBackward(s, k, d.in(index(s, tied(s))), dy, dx, add);
          return d.get(dx);
        },
        (first, k) -> {
          float[] dy = Data.block(213, first, k, out);
          int[] places = places(s, tied(s));
          double[] dx = Data.base(Data.block(214, first, k, in), add);
          for (int i = 0; i < dy.length; i++) {
            dx[i / s.outPlane() * s.inPlane() + places[i % places.length]] += dy[i];
          }
          return dx;
        });
  }

  private static KernelCase averagePool(Pooling s, boolean padding) {
    float[] x = Data.normal(215, s.planes() * s.inPlane());
    int n = (int) s.planes() * s.outPlane();
    return KernelCase.single(
        "averagePool",
        s + ", padding " + padding,
        1e-7,
        1e-7,
        (d, first, k) -> {
          Buffer y = d.out(n);
          d.kernels().pools().averagePool(s, padding, d.in(x), y);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = new double[n];
          double[] pixels = divisors(s, padding);
          for (int plane = 0; plane < s.planes(); plane++) {
            int from = plane * s.inPlane();
            int to = plane * s.outPlane();
            windows(s, (window, pixel) -> y[to + window] += x[from + pixel] / pixels[window]);
          }
          return y;
        });
  }

  private static KernelCase averagePoolBackward(Pooling s, boolean padding, boolean add) {
    float[] dy = Data.normal(216, s.planes() * s.outPlane());
    float[] old = Data.normal(217, s.planes() * s.inPlane());
    return KernelCase.single(
        "averagePoolBackward",
        s + ", padding " + padding + ", add " + add,
        1e-6,
        1e-6,
        (d, first, k) -> {
          Buffer dx = d.out(old, add);
          d.kernels().pools().averagePoolBackward(s, padding, d.in(dy), dx, add);
          return d.get(dx);
        },
        (first, k) -> {
          double[] dx = Data.base(old, add);
          double[] pixels = divisors(s, padding);
          for (int plane = 0; plane < s.planes(); plane++) {
            int to = plane * s.inPlane();
            int from = plane * s.outPlane();
            windows(s, (window, pixel) -> dx[to + pixel] += dy[from + window] / pixels[window]);
          }
          return dx;
        });
  }
}
