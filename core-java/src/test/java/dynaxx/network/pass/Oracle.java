package dynaxx.network.pass;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Attention;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.ClassToken;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Divide;
import dynaxx.network.op.Dropout;
import dynaxx.network.op.Flatten;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.MeanTokens;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Patchify;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.op.Rotary;
import dynaxx.network.op.SelectToken;
import dynaxx.network.op.Step;
import dynaxx.network.op.TokenEmbedding;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An independent interpreter of networks: plain loops over {@link HyperDual} numbers in double
 * precision, written from the definitions of the layers. Each example goes through each layer by
 * itself, unless the layer couples them. Shares with the library only the graph and the parameter
 * layout.
 */
public final class Oracle {

  private final Network network;
  private final boolean crossEntropy;
  private final float[] parameters;
  private final float[] inputs;
  private final float[] targets;

  public Oracle(Network network, Loss loss, HostBuffer parameters, Batch batch) {
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
  public HyperDual loss(double[] v, double[] u) {
    HyperDual[][] z = predictions(point(v, u));
    HyperDual sum = HyperDual.ZERO;
    for (int e = 0; e < examples(); e++) {
      sum = sum.plus(loss(z[e], e));
    }
    return sum.times(1.0 / examples());
  }

  public double[] gradient() {
    double[] zero = new double[dimension()];
    double[] gradient = new double[dimension()];
    for (int i = 0; i < gradient.length; i++) {
      gradient[i] = loss(unit(i), zero).b();
    }
    return gradient;
  }

  public double[] hessianVector(double[] v) {
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
  public double[][][] jacobians() {
    double[][][] jacobians = new double[examples()][dimension()][];
    double[] zero = new double[dimension()];
    for (int i = 0; i < dimension(); i++) {
      HyperDual[][] z = predictions(point(unit(i), zero));
      for (int e = 0; e < examples(); e++) {
        jacobians[e][i] = Arrays.stream(z[e]).mapToDouble(HyperDual::b).toArray();
      }
    }
    return jacobians;
  }

  /** Gradient of each example's own loss: examples x n. */
  public double[][] exampleGradients() {
    double[][][] jacobians = jacobians();
    HyperDual[][] predictions =
        predictions(point(new double[dimension()], new double[dimension()]));
    double[][] gradients = new double[examples()][dimension()];
    for (int e = 0; e < examples(); e++) {
      double[] z = Arrays.stream(predictions[e]).mapToDouble(HyperDual::a).toArray();
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
  public double[] gaussNewtonVector(double[][][] jacobians, double[] v) {
    HyperDual[][] predictions =
        predictions(point(new double[dimension()], new double[dimension()]));
    double[] product = new double[dimension()];
    for (int e = 0; e < examples(); e++) {
      double[] z = Arrays.stream(predictions[e]).mapToDouble(HyperDual::a).toArray();
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

  /** Predictions of each example, with their derivatives along the parameters' parts. */
  public HyperDual[][] predictions(HyperDual[] w) {
    int size = (int) network.inputShape().size();
    List<HyperDual[][]> values = new ArrayList<>();
    HyperDual[][] x = new HyperDual[examples()][];
    Arrays.setAll(x, e -> fill(size, i -> HyperDual.of(inputs[e * size + i])));
    values.add(x);
    for (Step step : network.steps().subList(1, network.steps().size())) {
      HyperDual[][][] in =
          Arrays.stream(step.inputs()).mapToObj(values::get).toArray(HyperDual[][][]::new);
      Shape[] shapes =
          Arrays.stream(step.inputs())
              .mapToObj(i -> network.steps().get(i).shape())
              .toArray(Shape[]::new);
      HyperDual[][] y = new HyperDual[examples()][];
      if (step.op() instanceof ChannelNorm o) {
        channelNorm(o, w, in[0], shapes[0], y);
      } else {
        Arrays.setAll(y, e -> one(step, w, example(in, e), shapes));
      }
      values.add(y);
    }
    return values.getLast();
  }

  private static HyperDual[][] example(HyperDual[][][] in, int e) {
    return Arrays.stream(in).map(all -> all[e]).toArray(HyperDual[][]::new);
  }

  private static HyperDual[] one(Step step, HyperDual[] w, HyperDual[][] in, Shape[] shapes) {
    HyperDual[] arranged = OracleShapes.apply(step.op(), w, in, shapes, step.shape());
    return arranged == null ? apply(step.op(), w, in, shapes, (int) step.shape().size()) : arranged;
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
      case Divide o -> fill(size, i -> x[i].over(in[1][i]));
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
      case Conv o -> convolution(o, w, x, shape);
      case MaxPool o -> pool(o.window(), x, shape, Oracle::largest);
      case AveragePool o -> pool(o.window(), x, shape, average(o));
      case TokenEmbedding o -> {
        int width = o.table().shape().dim(1);
        yield fill(size, i -> element(o.table(), w, (int) x[o.first() + i / width].a(), i % width));
      }
      default ->
          throw new AssertionError(
              "no definition of op '" + op.name() + "' in Oracle or OracleShapes");
    };
  }

  private static HyperDual[] fill(int size, java.util.function.IntFunction<HyperDual> f) {
    HyperDual[] y = new HyperDual[size];
    Arrays.setAll(y, f);
    return y;
  }

  private static HyperDual[] linear(Linear o, HyperDual[] w, HyperDual[] x) {
    int out = o.weight().shape().dim(0);
    int in = o.weight().shape().dim(1);
    return fill(
        x.length / in * out,
        i -> {
          HyperDual sum = bias(o.bias(), w, i % out);
          for (int j = 0; j < in; j++) {
            sum = sum.plus(element(o.weight(), w, i % out, j).times(x[i / out * in + j]));
          }
          return sum;
        });
  }

  /** Number i in reading order, zero for none. */
  private static HyperDual bias(Operand bias, HyperDual[] w, int i) {
    if (bias == null) {
      return HyperDual.ZERO;
    }
    int[] index = new int[bias.shape().rank()];
    index[index.length - 1] = i;
    return element(bias, w, index);
  }

  private static HyperDual element(Operand operand, HyperDual[] w, int... index) {
    return switch (operand) {
      case Operand.Fixed c -> HyperDual.of(c.value(index));
      case Operand.View v -> w[(int) (v.parameter().offset() + v.position(index))];
    };
  }

  private static HyperDual sigmoid(HyperDual x) {
    return HyperDual.of(1).over(HyperDual.of(1).plus(x.times(-1).exp()));
  }

  public static HyperDual tanh(HyperDual x) {
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
      case Pointwise.Standard(Activation a) -> activate(a, x);
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
            case TAN, ASIN, ACOS, ATAN, SINH, COSH, ASINH, ACOSH, ATANH -> inverse(e.kind(), x);
            case STEP -> HyperDual.of(x.a() > 0 ? 1 : 0);
            case FLOOR -> HyperDual.of(Math.floor(x.a()));
            case ROUND -> HyperDual.of(Math.rint(x.a()));
          };
    };
  }

  /** By their logarithms, exponentials and powers, or the derivative of the inverse function. */
  private static HyperDual inverse(Elementary.Kind kind, HyperDual x) {
    HyperDual one = HyperDual.of(1);
    HyperDual square = x.times(x);
    HyperDual up = x.exp();
    HyperDual down = x.times(-1).exp();
    double t = x.a();
    double q = 1 - t * t;
    return switch (kind) {
      case TAN ->
          x.chain(Math.sin(t), Math.cos(t), -Math.sin(t))
              .over(x.chain(Math.cos(t), -Math.sin(t), -Math.cos(t)));
      case ASIN -> x.chain(Math.asin(t), Math.pow(q, -0.5), t * Math.pow(q, -1.5));
      case ACOS -> x.chain(Math.acos(t), -Math.pow(q, -0.5), -t * Math.pow(q, -1.5));
      case ATAN -> x.chain(Math.atan(t), 1 / (1 + t * t), -2 * t / Math.pow(1 + t * t, 2));
      case SINH -> up.minus(down).times(0.5);
      case COSH -> up.plus(down).times(0.5);
      case ASINH -> x.plus(square.plus(one).power(0.5)).log();
      case ACOSH -> x.plus(square.minus(one).power(0.5)).log();
      default -> one.plus(x).over(one.minus(x)).log().times(0.5);
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

  private static void channelNorm(
      ChannelNorm o, HyperDual[] w, HyperDual[][] x, Shape shape, HyperDual[][] y) {
    int channels = shape.dim(0);
    int size = (int) shape.size() / channels;
    for (int e = 0; e < x.length; e++) {
      y[e] = new HyperDual[x[e].length];
      for (int i = 0; i < y[e].length; i++) {
        int channel = i / size;
        HyperDual mean = HyperDual.ZERO;
        HyperDual square = HyperDual.of(o.epsilon());
        if (o.kind() instanceof ChannelNorm.Running r) {
          mean = HyperDual.of(r.statistics().mean(channel));
          square = square.plus(HyperDual.of(r.statistics().variance(channel)));
        } else {
          List<HyperDual> unit = unit(o.kind(), x, e, channel, channels, size);
          for (HyperDual v : unit) {
            mean = mean.plus(v.times(1.0 / unit.size()));
          }
          for (HyperDual v : unit) {
            square = square.plus(v.minus(mean).times(v.minus(mean)).times(1.0 / unit.size()));
          }
        }
        HyperDual gamma = w[(int) o.gamma().offset() + channel];
        y[e][i] = x[e][i].minus(mean).times(square.power(-0.5)).times(gamma);
        if (o.beta() != null) {
          y[e][i] = y[e][i].plus(w[(int) o.beta().offset() + channel]);
        }
      }
    }
  }

  /** What shares its mean and variance with an element of example e. */
  private static List<HyperDual> unit(
      ChannelNorm.Kind kind, HyperDual[][] x, int e, int channel, int channels, int size) {
    if (kind instanceof ChannelNorm.Groups g) {
      int width = channels / g.count() * size;
      int from = channel / (channels / g.count()) * width;
      return Arrays.asList(x[e]).subList(from, from + width);
    }
    List<HyperDual> unit = new ArrayList<>();
    for (HyperDual[] example : x) {
      unit.addAll(Arrays.asList(example).subList(channel * size, (channel + 1) * size));
    }
    return unit;
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

  private static HyperDual[] convolution(Conv o, HyperDual[] w, HyperDual[] x, Shape image) {
    boolean signal = image.rank() == 2;
    Shape kernel = o.weight().shape();
    int kh = signal ? 1 : kernel.dim(2);
    int kw = kernel.dim(-1);
    int height = signal ? 1 : image.dim(1);
    int width = image.dim(-1);
    int rows =
        (height + o.padding().top() + o.padding().bottom() - o.dilationY() * (kh - 1) - 1)
                / o.strideY()
            + 1;
    int columns =
        (width + o.padding().left() + o.padding().right() - o.dilationX() * (kw - 1) - 1)
                / o.strideX()
            + 1;
    int out = kernel.dim(0);
    int in = kernel.dim(1);
    return fill(
        out * rows * columns,
        at -> {
          int output = at / (rows * columns);
          int p = at / columns % rows;
          int q = at % columns;
          HyperDual sum = bias(o.bias(), w, output);
          for (int e = 0; e < in * kh * kw; e++) {
            int channel = output / (out / o.groups()) * in + e / (kh * kw);
            int row = p * o.strideY() - o.padding().top() + e / kw % kh * o.dilationY();
            int column = q * o.strideX() - o.padding().left() + e % kw * o.dilationX();
            if (row >= 0 && row < height && column >= 0 && column < width) {
              int[] index = {output, e / (kh * kw), e / kw % kh, e % kw};
              int[] inSignal = {output, e / kw, e % kw};
              HyperDual weight = element(o.weight(), w, signal ? inSignal : index);
              sum = sum.plus(weight.times(x[(channel * height + row) * width + column]));
            }
          }
          return sum;
        });
  }

  /** What a window holds, null outside the image. */
  private interface Reduction {
    HyperDual of(List<HyperDual> window);
  }

  private static HyperDual largest(List<HyperDual> window) {
    HyperDual best = null;
    for (HyperDual v : window) {
      best = v != null && (best == null || v.a() > best.a()) ? v : best;
    }
    return best;
  }

  private static Reduction average(AveragePool o) {
    return window -> {
      HyperDual sum = HyperDual.ZERO;
      int count = 0;
      for (HyperDual v : window) {
        sum = v == null ? sum : sum.plus(v);
        count += v != null || o.countPadding() ? 1 : 0;
      }
      return sum.times(1.0 / count);
    };
  }

  /** From and to below which pixel each window reaches along an axis. */
  private static int[][] windows(PoolWindow window, int axis, int size) {
    List<int[]> found = new ArrayList<>();
    switch (window) {
      case PoolWindow.Even e -> {
        int count = axis == 0 ? e.rows() : e.columns();
        for (int o = 0; o < count; o++) {
          found.add(new int[] {o * size / count, -Math.floorDiv(-(o + 1) * size, count)});
        }
      }
      case PoolWindow.Moving m -> {
        int extent = axis == 0 ? m.height() : m.width();
        int stride = axis == 0 ? m.strideY() : m.strideX();
        int before = axis == 0 ? m.padding().top() : m.padding().left();
        int after = axis == 0 ? m.padding().bottom() : m.padding().right();
        for (int from = -before; from + extent <= size + after; from += stride) {
          found.add(new int[] {from, from + extent});
        }
      }
    }
    return found.toArray(int[][]::new);
  }

  private static HyperDual[] pool(
      PoolWindow window, HyperDual[] x, Shape image, Reduction reduction) {
    int height = image.dim(1);
    int width = image.dim(2);
    List<HyperDual> y = new ArrayList<>();
    for (int channel = 0; channel < image.dim(0); channel++) {
      for (int[] rows : windows(window, 0, height)) {
        for (int[] columns : windows(window, 1, width)) {
          List<HyperDual> seen = new ArrayList<>();
          for (int row = rows[0]; row < rows[1]; row++) {
            for (int column = columns[0]; column < columns[1]; column++) {
              boolean inside = row >= 0 && row < height && column >= 0 && column < width;
              seen.add(inside ? x[(channel * height + row) * width + column] : null);
            }
          }
          y.add(reduction.of(seen));
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
