package dynaxx.kernel;

import dynaxx.kernel.AttentionKernels.Heads;
import dynaxx.kernel.AttentionKernels.Primal;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** Attention against loops over queries and keys; a case runs all passes up to the one it means. */
final class AttentionCases {

  private AttentionCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (Heads h :
        List.of(
            new Heads(1, 1, 1, 1, 1, false),
            new Heads(2, 5, 3, 2, 2, false),
            new Heads(3, 17, 8, 4, 4, false),
            new Heads(2, 17, 5, 4, 2, true),
            new Heads(2, 33, 6, 3, 1, false),
            new Heads(1, 70, 9, 2, 2, true),
            new Heads(1, 131, 4, 1, 1, false),
            new Heads(1, 9, 70, 2, 1, true))) {
      cases.add(forward(h));
      cases.add(entropy(h));
      cases.add(backward(h, false));
      cases.add(backward(h, true));
      cases.add(tangent(h));
      cases.add(tangentBackward(h, false));
      cases.add(tangentBackward(h, true));
      cases.add(curvature(h));
    }
    // blocks of queries on a CPU, and tiles on a GPU, that few keys of a causal head fill
    Heads tall = new Heads(1, 300, 2, 1, 1, true);
    cases.add(tangentBackward(tall, true));
    cases.add(curvature(tall));
    return cases;
  }

  // ---- the definition

  /** One head of one example, in double precision. */
  private static final class Head {
    private final Heads h;
    private final int example;
    private final int head;

    Head(Heads h, int example, int head) {
      this.h = h;
      this.example = example;
      this.head = head;
    }

    /** Where the query (0), key (1) or value (2) of a token starts. */
    int in(int direction, int token, int part) {
      int key = head / h.group();
      int column = part == 0 ? head : part == 1 ? h.heads() + key : h.heads() + h.keyHeads() + key;
      return (int) (direction * h.in() + (example * h.tokens() + token) * h.columns())
          + column * h.depth();
    }

    int out(int direction, int token) {
      return (int) (direction * h.out() + (example * h.tokens() + token) * h.width())
          + head * h.depth();
    }

    int seen(int query) {
      return h.causal() ? query + 1 : h.tokens();
    }

    double dot(double[] a, int i, double[] b, int j) {
      double sum = 0;
      for (int c = 0; c < h.depth(); c++) {
        sum += a[i + c] * b[j + c];
      }
      return sum;
    }

    void add(double factor, double[] from, int i, double[] to, int j) {
      for (int c = 0; c < h.depth(); c++) {
        to[j + c] += factor * from[i + c];
      }
    }

    double[] probabilities(double[] x, int query) {
      double[] a = new double[seen(query)];
      for (int j = 0; j < a.length; j++) {
        a[j] = h.scale() * dot(x, in(0, query, 0), x, in(0, j, 1));
      }
      return ReferenceKernels.softmax(a, a.length);
    }

    double[] adjoint(double[] x, double[] dy, int query) {
      double[] dp = new double[seen(query)];
      for (int j = 0; j < dp.length; j++) {
        dp[j] = dot(dy, out(0, query), x, in(0, j, 2));
      }
      return dp;
    }

    double[] scoreTangent(double[] x, double[] rx, int d, int query) {
      double[] ra = new double[seen(query)];
      for (int j = 0; j < ra.length; j++) {
        ra[j] =
            h.scale()
                * (dot(rx, in(d, query, 0), x, in(0, j, 1))
                    + dot(x, in(0, query, 0), rx, in(d, j, 1)));
      }
      return ra;
    }

    double[] adjointTangent(double[] x, double[] dy, double[] rx, double[] rdy, int d, int query) {
      double[] rdp = new double[seen(query)];
      for (int j = 0; j < rdp.length; j++) {
        rdp[j] = dot(rdy, out(d, query), x, in(0, j, 2)) + dot(dy, out(0, query), rx, in(d, j, 2));
      }
      return rdp;
    }
  }

  private interface PerHead {
    void run(Head head);
  }

  private static void heads(Heads h, PerHead work) {
    for (int example = 0; example < h.examples(); example++) {
      for (int head = 0; head < h.heads(); head++) {
        work.run(new Head(h, example, head));
      }
    }
  }

  private static double[] outputs(Heads h, double[] x) {
    double[] y = new double[(int) h.out()];
    heads(
        h,
        head -> {
          for (int i = 0; i < h.tokens(); i++) {
            double[] p = head.probabilities(x, i);
            for (int j = 0; j < p.length; j++) {
              head.add(p[j], x, head.in(0, j, 2), y, head.out(0, i));
            }
          }
        });
    return y;
  }

  private static void addAdjoints(Heads h, double[] x, double[] dy, double[] dx) {
    heads(
        h,
        head -> {
          for (int i = 0; i < h.tokens(); i++) {
            double[] p = head.probabilities(x, i);
            double[] da = ReferenceKernels.softmaxTangent(p, head.adjoint(x, dy, i));
            for (int j = 0; j < p.length; j++) {
              head.add(p[j], dy, head.out(0, i), dx, head.in(0, j, 2));
              head.add(h.scale() * da[j], x, head.in(0, j, 1), dx, head.in(0, i, 0));
              head.add(h.scale() * da[j], x, head.in(0, i, 0), dx, head.in(0, j, 1));
            }
          }
        });
  }

  private static double[] outputTangents(Heads h, int k, double[] x, double[] rx) {
    double[] ry = new double[(int) (k * h.out())];
    heads(
        h,
        head -> {
          for (int d = 0; d < k; d++) {
            for (int i = 0; i < h.tokens(); i++) {
              double[] p = head.probabilities(x, i);
              double[] rp = ReferenceKernels.softmaxTangent(p, head.scoreTangent(x, rx, d, i));
              for (int j = 0; j < p.length; j++) {
                head.add(rp[j], x, head.in(0, j, 2), ry, head.out(d, i));
                head.add(p[j], rx, head.in(d, j, 2), ry, head.out(d, i));
              }
            }
          }
        });
    return ry;
  }

  private static void addAdjointTangents(
      Heads h, int k, double[] x, double[] dy, double[] rx, double[] rdy, double[] rdx) {
    double s = h.scale();
    heads(
        h,
        head -> {
          for (int d = 0; d < k; d++) {
            for (int i = 0; i < h.tokens(); i++) {
              double[] p = head.probabilities(x, i);
              double[] dp = head.adjoint(x, dy, i);
              double[] da = ReferenceKernels.softmaxTangent(p, dp);
              double[] rp = ReferenceKernels.softmaxTangent(p, head.scoreTangent(x, rx, d, i));
              double[] rdp = head.adjointTangent(x, dy, rx, rdy, d, i);
              double[] rda = ReferenceKernels.softmaxTangentBackward(p, dp, rp, rdp);
              for (int j = 0; j < p.length; j++) {
                head.add(rp[j], dy, head.out(0, i), rdx, head.in(d, j, 2));
                head.add(p[j], rdy, head.out(d, i), rdx, head.in(d, j, 2));
                head.add(s * rda[j], x, head.in(0, j, 1), rdx, head.in(d, i, 0));
                head.add(s * da[j], rx, head.in(d, j, 1), rdx, head.in(d, i, 0));
                head.add(s * rda[j], x, head.in(0, i, 0), rdx, head.in(d, j, 1));
                head.add(s * da[j], rx, head.in(d, i, 0), rdx, head.in(d, j, 1));
              }
            }
          }
        });
  }

  private static double[] curvatures(Heads h, int k, double[] x, double[] dy, double[] rx) {
    double[] c = new double[k];
    heads(
        h,
        head -> {
          for (int d = 0; d < k; d++) {
            for (int i = 0; i < h.tokens(); i++) {
              double[] p = head.probabilities(x, i);
              double[] dp = head.adjoint(x, dy, i);
              double[] ra = head.scoreTangent(x, rx, d, i);
              double[] da = ReferenceKernels.softmaxTangent(p, dp);
              double[] rp = ReferenceKernels.softmaxTangent(p, ra);
              c[d] += ReferenceKernels.softmaxCurvature(p, dp, ra);
              for (int j = 0; j < p.length; j++) {
                c[d] +=
                    2 * h.scale() * da[j] * head.dot(rx, head.in(d, i, 0), rx, head.in(d, j, 1));
                c[d] += 2 * rp[j] * head.dot(dy, head.out(0, i), rx, head.in(d, j, 2));
              }
            }
          }
        });
    return c;
  }

  // ---- the cases

  private static float[] x(Heads h) {
    return Data.normal(61, h.in());
  }

  private static float[] dy(Heads h) {
    return Data.normal(62, h.out());
  }

  private static float[] rx(Heads h, int first, int k) {
    return Data.block(63, first, k, h.in());
  }

  private static float[] rdy(Heads h, int first, int k) {
    return Data.block(64, first, k, h.out());
  }

  private static double[] wide(float[] values) {
    return Data.widen(values);
  }

  /** A device's arrays after some passes. */
  private static final class Run {
    private final KernelTrial d;
    private final AttentionKernels kernels;
    private final Heads h;
    private final Buffer x;
    private final Buffer y;
    private final Buffer saved;
    private Primal primal;
    private Buffer rx;
    private Buffer ry;
    private Buffer tangent;

    Run(KernelTrial d, Heads h) {
      this.d = d;
      this.h = h;
      kernels = d.kernels().attention();
      x = d.in(x(h));
      y = d.out(h.out());
      saved = d.out(AttentionKernels.SAVED * h.rows());
      kernels.forward(h, x, y, saved);
    }

    Buffer backward(boolean add) {
      Buffer dy = d.in(dy(h));
      Buffer adjoint = d.out(AttentionKernels.ADJOINT * h.rows());
      Buffer dx = d.out(Data.normal(65, h.in()), add);
      kernels.backward(h, x, y, saved, dy, adjoint, dx, add);
      primal = new Primal(x, saved, dy, adjoint);
      return dx;
    }

    Run tangent(int first, int k) {
      rx = d.in(rx(h, first, k));
      ry = d.out(k * h.out());
      tangent = d.out(k * AttentionKernels.TANGENT * h.rows());
      kernels.tangent(h, k, x, y, saved, rx, ry, tangent);
      return this;
    }
  }

  private static KernelCase forward(Heads h) {
    return KernelCase.single(
        "attention",
        h.toString(),
        1e-6,
        2e-6,
        (d, first, k) -> d.get(new Run(d, h).y),
        (first, k) -> outputs(h, wide(x(h))));
  }

  private static KernelCase entropy(Heads h) {
    return KernelCase.single(
        "attentionEntropy",
        h.toString(),
        1e-5,
        2e-6,
        (d, first, k) -> {
          Scalars sums = d.scalars(new double[h.heads()]);
          Run run = new Run(d, h);
          run.kernels.entropy(h, run.x, run.saved, sums);
          return sums.read();
        },
        (first, k) -> {
          double[] sums = new double[h.heads()];
          heads(
              h,
              head -> {
                for (int i = 0; i < h.tokens(); i++) {
                  for (double p : head.probabilities(wide(x(h)), i)) {
                    sums[head.head] -= p == 0 ? 0 : p * Math.log(p);
                  }
                }
              });
          return sums;
        });
  }

  private static KernelCase backward(Heads h, boolean add) {
    return KernelCase.single(
        "attentionBackward",
        h + (add ? ", added" : ""),
        2e-6,
        2e-6,
        (d, first, k) -> d.get(new Run(d, h).backward(add)),
        (first, k) -> {
          double[] dx = Data.base(Data.normal(65, h.in()), add);
          addAdjoints(h, wide(x(h)), wide(dy(h)), dx);
          return dx;
        });
  }

  private static KernelCase tangent(Heads h) {
    return KernelCase.perDirection(
        "attentionTangent",
        h.toString(),
        5e-6,
        5e-6,
        (d, first, k) -> d.get(new Run(d, h).tangent(first, k).ry),
        (first, k) -> outputTangents(h, k, wide(x(h)), wide(rx(h, first, k))));
  }

  private static KernelCase tangentBackward(Heads h, boolean add) {
    return KernelCase.perDirection(
        "attentionTangentBackward",
        h + (add ? ", added" : ""),
        2e-5,
        1e-5,
        (d, first, k) -> {
          Run run = new Run(d, h);
          run.backward(false);
          run.tangent(first, k);
          Buffer rdy = d.in(rdy(h, first, k));
          Buffer rdx = d.out(Data.block(66, first, k, h.in()), add);
          run.kernels.tangentBackward(h, k, run.primal, run.rx, run.tangent, rdy, rdx, add);
          return d.get(rdx);
        },
        (first, k) -> {
          double[] rdx = Data.base(Data.block(66, first, k, h.in()), add);
          addAdjointTangents(
              h, k, wide(x(h)), wide(dy(h)), wide(rx(h, first, k)), wide(rdy(h, first, k)), rdx);
          return rdx;
        });
  }

  private static KernelCase curvature(Heads h) {
    return KernelCase.perDirection(
        "attentionCurvature",
        h.toString(),
        2e-6 * Math.sqrt(h.rows()),
        5e-6,
        (d, first, k) -> {
          Run run = new Run(d, h);
          run.backward(false);
          run.tangent(first, k);
          Scalars c = d.scalars(new double[k]);
          run.kernels.curvature(h, k, run.primal, run.rx, run.tangent, c);
          return c.read();
        },
        (first, k) -> curvatures(h, k, wide(x(h)), wide(dy(h)), wide(rx(h, first, k))));
  }
}
