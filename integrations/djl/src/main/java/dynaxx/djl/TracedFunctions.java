package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.internal.NDArrayEx;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.recurrent.RNN;
import dynaxx.kernel.Elementary;
import dynaxx.layer.Activation;
import dynaxx.model.Recurrent;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.Reduce;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The functions that DJL's layers call, on traced arrays: the methods of {@link NDArrayEx} that
 * dynaxx knows. The others are refused by name.
 */
@SuppressWarnings("unused") // called by reflection, as the interface has dozens more
final class TracedFunctions {

  private static final double SELU_ALPHA = 1.6732632423543772848170429916717;
  private static final double SELU_SCALE = 1.0507009873554804934193349852946;

  private final TracedArray x;

  private TracedFunctions(TracedArray x) {
    this.x = x;
  }

  static NDArrayEx of(TracedArray x) {
    TracedFunctions functions = new TracedFunctions(x);
    InvocationHandler handler =
        (proxy, method, arguments) -> {
          Method own;
          try {
            own = TracedFunctions.class.getMethod(method.getName(), method.getParameterTypes());
          } catch (NoSuchMethodException e) {
            if (method.isDefault()) {
              return InvocationHandler.invokeDefault(proxy, method, arguments);
            }
            throw new Refusal("calls " + method.getName());
          }
          try {
            return own.invoke(functions, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    return (NDArrayEx)
        Proxy.newProxyInstance(
            NDArrayEx.class.getClassLoader(), new Class<?>[] {NDArrayEx.class}, handler);
  }

  public NDArray getArray() {
    return x;
  }

  public NDArray relu() {
    return x.map(Activation.RELU);
  }

  public NDArray sigmoid() {
    return x.map(Activation.SIGMOID);
  }

  public NDArray tanh() {
    return x.map(Activation.TANH);
  }

  public NDArray softPlus() {
    return x.map(Activation.SOFTPLUS);
  }

  public NDArray softSign() {
    return x.map(Elementary.SOFTSIGN);
  }

  public NDArray leakyRelu(float alpha) {
    return x.map(Elementary.leakyRelu(alpha));
  }

  public NDArray elu(float alpha) {
    return x.map(Elementary.elu(alpha));
  }

  public NDArray selu() {
    return x.map(Elementary.elu(SELU_ALPHA)).affine(SELU_SCALE, 0);
  }

  public NDArray gelu() {
    return x.map(Activation.GELU);
  }

  public NDArray maxPool(Shape kernel, Shape stride, Shape padding, boolean ceil) {
    return Windows.of(x, kernel, stride, padding, ceil).pool(MaxPool::new);
  }

  public NDArray avgPool(
      Shape kernel, Shape stride, Shape padding, boolean ceil, boolean countPadding) {
    Windows windows = Windows.of(x, kernel, stride, padding, ceil);
    boolean padded = Arrays.stream(padding.getShape()).anyMatch(pixels -> pixels > 0);
    if (padded && !countPadding) {
      throw new Refusal("averages without the padding, which DJL counts on PyTorch all the same");
    }
    if (padded && windows.reachesBeyond()) {
      throw new Refusal("averages padded windows, rounded up");
    }
    return windows.pool(window -> new AveragePool(window, padded));
  }

  public NDArray globalMaxPool() {
    return Windows.all(x).pool(MaxPool::new).reshape(channels());
  }

  public NDArray globalAvgPool() {
    List<Integer> axes = IntStream.range(1, x.term().rank()).boxed().toList();
    return x.with(Term.of(new Reduce(axes, true, false), x.term()));
  }

  private Shape channels() {
    return x.getShape().slice(0, 2);
  }

  public NDList convolution(
      NDArray input,
      NDArray weight,
      NDArray bias,
      Shape stride,
      Shape padding,
      Shape dilation,
      int groups) {
    TracedArray in = TracedArray.of(input);
    return new NDList(
        Layers.convolution(
            in, TracedArray.of(weight), traced(bias), stride, padding, dilation, groups));
  }

  private static TracedArray traced(NDArray array) {
    return array == null ? null : TracedArray.of(array);
  }

  public NDList linear(NDArray input, NDArray weight, NDArray bias) {
    return new NDList(Layers.linear(TracedArray.of(input), TracedArray.of(weight), traced(bias)));
  }

  public NDList embedding(NDArray input, NDArray weight, SparseFormat sparse) {
    return new NDList(Layers.embedding(TracedArray.of(input), TracedArray.of(weight)));
  }

  public NDList prelu(NDArray input, NDArray alpha) {
    TracedArray in = TracedArray.of(input);
    if (alpha.size() != 1) {
      throw new Refusal("has " + alpha.size() + " slopes, expected one");
    }
    NDArray below = in.map(Elementary.NEGATE).map(Activation.RELU).map(Elementary.NEGATE);
    return new NDList(in.map(Activation.RELU).add(below.mul(alpha)));
  }

  /** Left out, also where batch statistics are used. */
  public NDList dropout(NDArray input, float rate, boolean training) {
    return new NDList(input);
  }

  public NDList layerNorm(
      NDArray input, Shape normalized, NDArray gamma, NDArray beta, float epsilon) {
    return new NDList(
        Norms.layer(TracedArray.of(input), normalized, traced(gamma), traced(beta), epsilon));
  }

  public NDList batchNorm(
      NDArray input,
      NDArray mean,
      NDArray variance,
      NDArray gamma,
      NDArray beta,
      int axis,
      float momentum,
      float epsilon,
      boolean training) {
    TracedArray in = TracedArray.of(input);
    Norms.Statistics statistics =
        training ? null : new Norms.Statistics(TracedArray.of(mean), TracedArray.of(variance));
    int channels = axis == -1 ? 1 : axis;
    return new NDList(Norms.batch(in, statistics, traced(gamma), traced(beta), channels, epsilon));
  }

  public NDList rnn(
      NDArray input,
      NDArray state,
      NDList parameters,
      boolean biased,
      int layers,
      RNN.Activation activation,
      double dropout,
      boolean training,
      boolean bidirectional,
      boolean batchFirst) {
    Recurrent kind = activation == RNN.Activation.RELU ? Recurrent.RNN_RELU : Recurrent.RNN_TANH;
    return recurrent(
        kind, input, new NDList(state), parameters, biased, layers, bidirectional, batchFirst);
  }

  public NDList gru(
      NDArray input,
      NDArray state,
      NDList parameters,
      boolean biased,
      int layers,
      double dropout,
      boolean training,
      boolean bidirectional,
      boolean batchFirst) {
    return recurrent(
        Recurrent.GRU,
        input,
        new NDList(state),
        parameters,
        biased,
        layers,
        bidirectional,
        batchFirst);
  }

  public NDList lstm(
      NDArray input,
      NDList states,
      NDList parameters,
      boolean biased,
      int layers,
      double dropout,
      boolean training,
      boolean bidirectional,
      boolean batchFirst) {
    return recurrent(
        Recurrent.LSTM, input, states, parameters, biased, layers, bidirectional, batchFirst);
  }

  private static NDList recurrent(
      Recurrent kind,
      NDArray input,
      NDList states,
      NDList parameters,
      boolean biased,
      int layers,
      boolean bidirectional,
      boolean batchFirst) {
    if (!batchFirst) {
      throw new Refusal("has steps along the first axis, where examples are expected");
    }
    if (states.stream().anyMatch(s -> !TracedArray.of(s).isZero())) {
      throw new Refusal("begins a recurrent layer with a state that is not zero");
    }
    return new NDList(
        Layers.recurrent(
            kind, TracedArray.of(input), list(parameters), biased, layers, bidirectional));
  }

  private static List<TracedArray> list(NDList arrays) {
    return arrays.stream().map(TracedArray::of).toList();
  }

  public NDArray concat(NDList others, int axis) {
    List<TracedArray> all = new ArrayList<>(List.of(x));
    all.addAll(list(others));
    return Axes.concat(all, axis);
  }

  public NDArray stack(NDList others, int axis) {
    List<TracedArray> all = new ArrayList<>(List.of(x));
    all.addAll(list(others));
    return Axes.concat(all.stream().map(a -> Axes.expand(a, axis)).toList(), axis);
  }
}
