package dynaxx.network;

import dynaxx.backend.Activation;
import dynaxx.backend.Elementary;
import dynaxx.backend.Pointwise;
import dynaxx.memory.HostBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An independent interpreter of networks: plain loops over {@link HyperDual} numbers in double
 * precision, one example at a time, written from the definitions of the layers. Shares with the
 * library only the graph and the parameter layout.
 */
final class Oracle {

  private final Network network;
  private final boolean crossEntropy;
  private final float[] parameters;
  private final float[] inputs;
  private final float[] targets;

  Oracle(Network network, Loss loss, HostBuffer parameters, Batch batch) {
    this.network = network;
    this.crossEntropy = loss.name().equals("cross-entropy");
    this.parameters = parameters.toArray();
    this.inputs = ((HostBuffer) batch.inputs()).toArray();
    this.targets = ((HostBuffer) batch.targets()).toArray();
  }

  int dimension() {
    return parameters.length;
  }

  /** The loss at parameters + v e1 + u e2. */
  HyperDual loss(double[] v, double[] u) {
    HyperDual[] w = point(v, u);
    HyperDual sum = HyperDual.ZERO;
    for (int e = 0; e < examples(); e++) {
      sum = sum.plus(loss(predictions(w, e), e));
    }
    return sum.times(1.0 / examples());
  }

  double[] gradient() {
    double[] zero = new double[dimension()];
    double[] gradient = new double[dimension()];
    for (int i = 0; i < gradient.length; i++) {
      gradient[i] = loss(unit(i), zero).b();
    }
    return gradient;
  }

  double[] hessianVector(double[] v) {
    double[] product = new double[dimension()];
    for (int i = 0; i < product.length; i++) {
      product[i] = loss(v, unit(i)).d();
    }
    return product;
  }

  private double[] unit(int i) {
    double[] unit = new double[dimension()];
    unit[i] = 1;
    return unit;
  }

  int examples() {
    return inputs.length / (int) network.inputShape().size();
  }

  /** Derivative of each example's predictions by each parameter: examples x n x outputs. */
  double[][][] jacobians() {
    double[][][] jacobians = new double[examples()][dimension()][];
    double[] zero = new double[dimension()];
    for (int i = 0; i < dimension(); i++) {
      HyperDual[] w = point(unit(i), zero);
      for (int e = 0; e < examples(); e++) {
        jacobians[e][i] = Arrays.stream(predictions(w, e)).mapToDouble(HyperDual::b).toArray();
      }
    }
    return jacobians;
  }

  /** Gradient of each example's own loss: examples x n. */
  double[][] exampleGradients() {
    double[][][] jacobians = jacobians();
    HyperDual[] w = point(new double[dimension()], new double[dimension()]);
    double[][] gradients = new double[examples()][dimension()];
    for (int e = 0; e < examples(); e++) {
      double[] z = Arrays.stream(predictions(w, e)).mapToDouble(HyperDual::a).toArray();
      for (int o = 0; o < z.length; o++) {
        double dz = loss(seeded(z, o, o), e).b();
        for (int i = 0; i < dimension(); i++) {
          gradients[e][i] += jacobians[e][i][o] * dz;
        }
      }
    }
    return gradients;
  }

  /** The Gauss-Newton matrix times v, from Jacobians and second derivatives of the loss. */
  double[] gaussNewtonVector(double[][][] jacobians, double[] v) {
    HyperDual[] w = point(new double[dimension()], new double[dimension()]);
    double[] product = new double[dimension()];
    for (int e = 0; e < examples(); e++) {
      double[] z = Arrays.stream(predictions(w, e)).mapToDouble(HyperDual::a).toArray();
      double[] rz = new double[z.length];
      for (int i = 0; i < v.length; i++) {
        for (int o = 0; o < z.length; o++) {
          rz[o] += jacobians[e][i][o] * v[i];
        }
      }
      double[] rdz = new double[z.length];
      for (int o = 0; o < z.length; o++) {
        for (int q = 0; q < z.length; q++) {
          rdz[o] += loss(seeded(z, o, q), e).d() * rz[q] / examples();
        }
      }
      for (int i = 0; i < v.length; i++) {
        for (int o = 0; o < z.length; o++) {
          product[i] += jacobians[e][i][o] * rdz[o];
        }
      }
    }
    return product;
  }

  private static HyperDual[] seeded(double[] z, int first, int second) {
    return fill(z.length, i -> new HyperDual(z[i], i == first ? 1 : 0, i == second ? 1 : 0, 0));
  }

  private HyperDual[] point(double[] v, double[] u) {
    return fill(parameters.length, i -> new HyperDual(parameters[i], v[i], u[i], 0));
  }

  private HyperDual[] predictions(HyperDual[] w, int example) {
    int size = (int) network.inputShape().size();
    return forward(w, fill(size, i -> HyperDual.of(inputs[example * size + i])));
  }

  /** Predictions of one example, with their derivatives along the parameters' parts. */
  HyperDual[] forward(HyperDual[] w, HyperDual[] x) {
    List<HyperDual[]> values = new ArrayList<>();
    values.add(x);
    for (Network.Step step : network.steps().subList(1, network.steps().size())) {
      HyperDual[][] in =
          Arrays.stream(step.inputs()).mapToObj(values::get).toArray(HyperDual[][]::new);
      Shape[] shapes =
          Arrays.stream(step.inputs())
              .mapToObj(i -> network.steps().get(i).shape())
              .toArray(Shape[]::new);
      HyperDual[] arranged = OracleShapes.apply(step.op(), w, in, shapes, step.shape());
      boolean found = arranged != null;
      values.add(found ? arranged : apply(step.op(), w, in, shapes, (int) step.shape().size()));
    }
    return values.getLast();
  }

  private static HyperDual[] apply(
      Op op, HyperDual[] w, HyperDual[][] in, Shape[] shapes, int size) {
    HyperDual[] x = in[0];
    Shape shape = shapes[0];
    return switch (op) {
      case Linear o -> linear(o, w, x);
      case Activate o ->
          Arrays.stream(x).map(v -> activate(o.function(), v)).toArray(HyperDual[]::new);
      case Norm o -> norm(o, w, x);
      case Attention o -> attention(o, x, shape.dim(0), shape.dim(1));
      case Rotary o -> rotary(o, x, shape.dim(1));
      case Add o -> fill(size, i -> x[i].plus(in[1][i]));
      case Multiply o -> fill(size, i -> x[i].times(in[1][i]));
      case ClassToken o -> {
        int n = (int) o.token().size();
        yield fill(size, i -> i < n ? w[(int) o.token().offset() + i] : x[i - n]);
      }
      case PositionEmbedding o -> fill(size, i -> x[i].plus(w[(int) o.table().offset() + i]));
      case MeanTokens o -> mean(x, shape.dim(0), shape.dim(1));
      case SelectToken o -> Arrays.copyOfRange(x, o.token() * size, (o.token() + 1) * size);
      case Flatten o -> x;
      case Dropout o -> x;
      case Patchify o -> patches(x, shape, o.patch());
      case TokenEmbedding o -> {
        int width = o.table().shape().dim(1);
        int at = (int) o.table().offset();
        yield fill(size, i -> w[at + (int) x[i / width].a() * width + i % width]);
      }
      default -> throw new AssertionError(op.name());
    };
  }

  private static HyperDual[] fill(int size, java.util.function.IntFunction<HyperDual> f) {
    HyperDual[] y = new HyperDual[size];
    Arrays.setAll(y, f);
    return y;
  }

  private static HyperDual[] linear(Linear o, HyperDual[] w, HyperDual[] x) {
    int out = o.weight().shape().dim(0);
    int in = (int) o.weight().size() / out;
    return fill(
        x.length / in * out,
        i -> {
          HyperDual sum = o.bias() == null ? HyperDual.ZERO : w[(int) o.bias().offset() + i % out];
          for (int j = 0; j < in; j++) {
            HyperDual weight = w[(int) o.weight().offset() + i % out * in + j];
            sum = sum.plus(weight.times(x[i / out * in + j]));
          }
          return sum;
        });
  }

  private static HyperDual sigmoid(HyperDual x) {
    return HyperDual.of(1).over(HyperDual.of(1).plus(x.times(-1).exp()));
  }

  static HyperDual tanh(HyperDual x) {
    return sigmoid(x.times(2)).times(2).minus(HyperDual.of(1));
  }

  private static HyperDual erf(HyperDual x) {
    double density = 2 / Math.sqrt(Math.PI) * Math.exp(-x.a() * x.a());
    return x.chain(erf(x.a()), density, -2 * x.a() * density);
  }

  /**
   * Maclaurin series, summed until it stops changing; accurate for the moderate arguments of the
   * tests.
   */
  private static double erf(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && n < 500; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * sum;
  }

  private static HyperDual activate(Pointwise f, HyperDual x) {
    HyperDual one = HyperDual.of(1);
    return switch (f) {
      case Activation a -> activate(a, x);
      case Elementary e ->
          switch (e.kind()) {
            case EXP -> x.exp();
            case LOG -> x.log();
            case SQRT -> x.power(0.5);
            case RECIPROCAL -> one.over(x);
            case POWER -> x.power(e.a());
            case ABS -> x.a() < 0 ? x.times(-1) : x;
            case ERF -> erf(x);
            case AFFINE -> x.times(e.a()).plus(HyperDual.of(e.b()));
            case CLIP -> limited(x, e.a(), e.b());
            case LEAKY_RELU -> x.a() > 0 ? x : x.times(e.a());
            case ELU -> x.a() > 0 ? x : x.exp().minus(one).times(e.a());
            case HARD_SIGMOID -> limited(x.times(e.a()).plus(HyperDual.of(e.b())), 0, 1);
            case SOFTSIGN -> x.over(one.plus(x.a() < 0 ? x.times(-1) : x));
            case SIN -> x.chain(Math.sin(x.a()), Math.cos(x.a()), -Math.sin(x.a()));
            case COS -> x.chain(Math.cos(x.a()), -Math.sin(x.a()), -Math.cos(x.a()));
          };
    };
  }

  private static HyperDual limited(HyperDual x, double least, double most) {
    return x.a() < least ? HyperDual.of(least) : x.a() > most ? HyperDual.of(most) : x;
  }

  private static HyperDual activate(Activation f, HyperDual x) {
    return switch (f) {
      case RELU -> x.a() > 0 ? x : HyperDual.ZERO;
      case GELU -> x.times(0.5).times(HyperDual.of(1).plus(erf(x.times(Math.sqrt(0.5)))));
      case GELU_TANH -> {
        HyperDual inner = x.plus(x.times(x).times(x).times(0.044715)).times(Math.sqrt(2 / Math.PI));
        yield x.times(0.5).times(HyperDual.of(1).plus(tanh(inner)));
      }
      case TANH -> tanh(x);
      case SIGMOID -> sigmoid(x);
      case SILU -> x.times(sigmoid(x));
      case SOFTPLUS -> HyperDual.of(1).plus(x.exp()).log();
    };
  }

  private static HyperDual[] norm(Norm o, HyperDual[] w, HyperDual[] x) {
    int n = (int) o.gamma().size();
    HyperDual[] y = new HyperDual[x.length];
    for (int row = 0; row < x.length; row += n) {
      HyperDual mean = HyperDual.ZERO;
      for (int i = 0; i < n && o.centred(); i++) {
        mean = mean.plus(x[row + i].times(1.0 / n));
      }
      HyperDual square = HyperDual.of(o.epsilon());
      for (int i = 0; i < n; i++) {
        HyperDual centred = x[row + i].minus(mean);
        square = square.plus(centred.times(centred).times(1.0 / n));
      }
      HyperDual r = square.power(-0.5);
      for (int i = 0; i < n; i++) {
        HyperDual gamma = w[(int) o.gamma().offset() + i];
        y[row + i] = x[row + i].minus(mean).times(r).times(gamma);
        if (o.beta() != null) {
          y[row + i] = y[row + i].plus(w[(int) o.beta().offset() + i]);
        }
      }
    }
    return y;
  }

  private static HyperDual[] softmax(HyperDual[] z) {
    double shift = Arrays.stream(z).mapToDouble(HyperDual::a).max().orElseThrow();
    HyperDual[] e =
        Arrays.stream(z).map(v -> v.minus(HyperDual.of(shift)).exp()).toArray(HyperDual[]::new);
    HyperDual sum = Arrays.stream(e).reduce(HyperDual.ZERO, HyperDual::plus);
    return Arrays.stream(e).map(v -> v.over(sum)).toArray(HyperDual[]::new);
  }

  private static HyperDual[] attention(Attention o, HyperDual[] x, int tokens, int columns) {
    int depth = columns / (o.heads() + 2 * o.keyHeads());
    int width = o.heads() * depth;
    HyperDual[] y = new HyperDual[tokens * width];
    for (int h = 0; h < o.heads(); h++) {
      int key = width + h * o.keyHeads() / o.heads() * depth;
      int value = key + o.keyHeads() * depth;
      for (int t = 0; t < tokens; t++) {
        int seen = o.causal() ? t + 1 : tokens;
        HyperDual[] scores = new HyperDual[seen];
        for (int s = 0; s < seen; s++) {
          HyperDual sum = HyperDual.ZERO;
          for (int i = 0; i < depth; i++) {
            HyperDual q = x[t * columns + h * depth + i];
            sum = sum.plus(q.times(x[s * columns + key + i]));
          }
          scores[s] = sum.times(1 / Math.sqrt(depth));
        }
        HyperDual[] p = softmax(scores);
        for (int i = 0; i < depth; i++) {
          HyperDual sum = HyperDual.ZERO;
          for (int s = 0; s < seen; s++) {
            sum = sum.plus(p[s].times(x[s * columns + value + i]));
          }
          y[t * width + h * depth + i] = sum;
        }
      }
    }
    return y;
  }

  private static HyperDual[] rotary(Rotary o, HyperDual[] x, int columns) {
    HyperDual[] y = x.clone();
    int half = o.depth() / 2;
    for (int t = 0; t < x.length / columns; t++) {
      for (int h = 0; h < o.heads(); h++) {
        for (int j = 0; j < half; j++) {
          double angle = t / Math.pow(o.base(), (double) j / half);
          int at = t * columns + h * o.depth() + j;
          HyperDual a = x[at];
          HyperDual b = x[at + half];
          y[at] = a.times(Math.cos(angle)).minus(b.times(Math.sin(angle)));
          y[at + half] = a.times(Math.sin(angle)).plus(b.times(Math.cos(angle)));
        }
      }
    }
    return y;
  }

  private static HyperDual[] mean(HyperDual[] x, int tokens, int width) {
    return fill(
        width,
        i -> {
          HyperDual sum = HyperDual.ZERO;
          for (int t = 0; t < tokens; t++) {
            sum = sum.plus(x[t * width + i]);
          }
          return sum.times(1.0 / tokens);
        });
  }

  private static HyperDual[] patches(HyperDual[] x, Shape image, int patch) {
    int height = image.dim(1);
    int width = image.dim(2);
    List<HyperDual> y = new ArrayList<>();
    for (int top = 0; top < height; top += patch) {
      for (int left = 0; left < width; left += patch) {
        for (int c = 0; c < image.dim(0); c++) {
          for (int i = 0; i < patch; i++) {
            for (int j = 0; j < patch; j++) {
              y.add(x[(c * height + top + i) * width + left + j]);
            }
          }
        }
      }
    }
    return y.toArray(HyperDual[]::new);
  }

  private HyperDual loss(HyperDual[] z, int example) {
    HyperDual sum = HyperDual.ZERO;
    if (!crossEntropy) {
      for (int i = 0; i < z.length; i++) {
        HyperDual difference = z[i].minus(HyperDual.of(targets[example * z.length + i]));
        sum = sum.plus(difference.times(difference).times(1.0 / z.length));
      }
      return sum;
    }
    int classes = network.outputShape().dim(-1);
    int rows = z.length / classes;
    for (int row = 0; row < rows; row++) {
      HyperDual[] p = softmax(Arrays.copyOfRange(z, row * classes, (row + 1) * classes));
      HyperDual likelihood = p[(int) targets[example * rows + row]];
      sum = sum.plus(likelihood.log().times(-1.0 / rows));
    }
    return sum;
  }
}
