package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Network;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Operand.View;
import dynaxx.network.op.Step;
import java.util.List;
import java.util.Optional;

/**
 * A linear layer or a convolution that shares its parameters with no other op, as matrices {@code
 * [outputs x inputs]}, one for each group, with the bias as the last column. An example gives it
 * {@code tokens} rows of inputs: positions of a sequence, or the pixels below the kernel at each
 * place of the output.
 *
 * @param node the op
 * @param weight all groups, one below the other
 * @param bias or null for none that trains
 * @param image shape of a convolution's input, else null
 * @param convolution or null for a linear layer
 * @param tokens rows of inputs for one example
 */
record KroneckerLayer(int node, View weight, View bias, Shape image, Conv convolution, int tokens) {

  /** The layer that a group of parameters is, if it is one. */
  static Optional<KroneckerLayer> of(Network network, ParameterGroup group) {
    int node = group.nodes().getFirst();
    Step step = network.steps().get(node);
    Op op = step.op();
    if (group.linear() != null) {
      Linear l = group.linear();
      return Optional.of(
          new KroneckerLayer(node, (View) l.weight(), view(l.bias()), null, null, group.tokens()));
    }
    List<View> own = Operand.trained(op);
    if (group.nodes().size() > 1
        || !(op instanceof Conv c)
        || own.size() > 1 && own.get(0).overlaps(own.get(1))) {
      return Optional.empty();
    }
    Shape image = network.inputShapes(node).getFirst();
    int places = Math.toIntExact(step.shape().size() / step.shape().dim(0));
    return Optional.of(
        new KroneckerLayer(node, (View) c.weight(), view(c.bias()), image, c, places));
  }

  private static View view(Operand bias) {
    return bias instanceof View v ? v : null;
  }

  String name() {
    return weight.parameter().name();
  }

  int groups() {
    return convolution == null ? 1 : convolution.groups();
  }

  /** Rows of a group's matrix. */
  int outputs() {
    return weight.shape().dim(0) / groups();
  }

  /** Columns of a group's matrix without the bias. */
  int width() {
    return Math.toIntExact(weight.shape().size() / weight.shape().dim(0));
  }

  /** Columns of a group's matrix. */
  int inputs() {
    return width() + (bias == null ? 0 : 1);
  }

  /** Values of all matrices. */
  long size() {
    return (long) groups() * outputs() * inputs();
  }

  long inputFactors() {
    return (long) groups() * inputs() * inputs();
  }

  long outputFactors() {
    return (long) groups() * outputs() * outputs();
  }

  /** Values of one example's inputs with the ones for the bias. */
  long inputValues() {
    return (long) tokens * groups() * inputs();
  }

  long outputValues() {
    return (long) tokens * groups() * outputs();
  }

  /** Work space of {@link #inputs} for each example. */
  long workValues() {
    boolean copied = convolution != null || bias != null;
    long pixels = convolution == null ? 0 : (long) tokens * groups() * width();
    return (copied ? inputValues() : 0) + pixels;
  }

  /** Work space of {@link #inputs} whatever the number of examples. */
  long fixedValues() {
    return tokens + (convolution == null ? 0 : (long) groups() * width() * width());
  }

  /**
   * Rows of some examples: member (example, group) of a family of {@code tokens x width} matrices.
   * Those of a linear layer lie one after the other.
   */
  Matrix inputs(Tape tape, int from, int count, Scope scope) {
    Step step = tape.network().steps().get(node);
    Buffer x = tape.value(step.inputs()[0]);
    Device device = tape.device();
    if (convolution == null) {
      long each = (long) tokens * width();
      Buffer rows = x.slice(from * each, count * each);
      if (bias == null) {
        return Matrix.of(rows, width()).batch(each, 0, 0);
      }
      long all = (long) count * tokens;
      Buffer to = device.allocate(scope, all * inputs());
      Buffer one = ones(device, scope, 1);
      device.kernels().rows().copyRows(all, width(), rows, 0, width(), to, 0, inputs(), false);
      device.kernels().rows().copyRows(all, 1, one, 0, 0, to, width(), inputs(), false);
      return Matrix.of(to, inputs()).batch(inputValues(), 0, 0);
    }
    return pixels(device, x, from, count, scope);
  }

  /** Transposed: a row for each element of the kernel. */
  private Matrix pixels(Device device, Buffer x, int from, int count, Scope scope) {
    Convolution windows = convolution.windows(image, count);
    Buffer images = x.slice(from * windows.inSize(), count * windows.inSize());
    Buffer found = device.allocate(scope, count * windows.outSize());
    Strided kernel = Strided.of(kernel(device, scope));
    device
        .kernels()
        .convolutions()
        .convolve(windows, 1, Strided.of(images), kernel, null, found, false);
    Buffer to = found;
    if (bias != null) {
      long matrices = (long) count * groups();
      long each = (long) width() * tokens;
      long wide = (long) inputs() * tokens;
      to = device.allocate(scope, matrices * wide);
      Buffer ones = ones(device, scope, tokens);
      device.kernels().rows().copyRows(matrices, each, found, 0, each, to, 0, wide, false);
      device.kernels().rows().copyRows(matrices, tokens, ones, 0, 0, to, each, wide, false);
    }
    return Matrix.of(to, tokens).t().batch(inputValues(), (long) inputs() * tokens, 0);
  }

  private static Buffer ones(Device device, Scope scope, long size) {
    Buffer ones = device.allocate(scope, size);
    device.algebra().fill(ones, 1);
    return ones;
  }

  /** Weights that pick each element of the kernel of each group. */
  private Buffer kernel(Device device, Scope scope) {
    HostBuffer kernel = scope.allocate((long) groups() * width() * width());
    for (int i = 0; i < groups() * width(); i++) {
      kernel.set((long) i * width() + i % width(), 1);
    }
    return device.upload(scope, kernel.segment());
  }

  /** Adjoints of some examples, as {@link #inputs}. */
  Matrix adjoints(Tape tape, int from) {
    long each = outputValues();
    Buffer dy = tape.adjoint(node);
    if (convolution == null) {
      return Matrix.of(dy, outputs()).at(from * each).batch(each, 0, 0);
    }
    return Matrix.of(dy, tokens).at(from * each).t().batch(each, (long) outputs() * tokens, 0);
  }

  /** Whether the rows of all examples are one matrix. */
  boolean stacks() {
    return convolution == null;
  }

  /** Whether a vector holds the weight by rows; else by columns. */
  boolean byRows() {
    return width() == 1 || weight.rowMajor() || weight.strides().get(1) == 1;
  }

  private long offset(View view) {
    return view.parameter().offset() + view.offset();
  }

  /**
   * Copies the part of a vector over the parameters: {@code outputs x inputs} matrices, or {@code
   * inputs x outputs} if it holds the weight by columns.
   */
  void gather(Device device, Buffer v, Buffer matrices) {
    move(device, v, matrices, true);
  }

  /** Writes what {@link #gather} copies. */
  void scatter(Device device, Buffer matrices, Buffer v) {
    move(device, v, matrices, false);
  }

  private void move(Device device, Buffer v, Buffer matrices, boolean gather) {
    int out = weight.shape().dim(0);
    int in = width();
    boolean byRows = byRows();
    int lines = byRows ? out : in;
    int each = byRows ? in : out;
    int pitch = byRows ? inputs() : out;
    copy(device, lines, each, v, offset(weight), step(lines, each), matrices, 0, pitch, gather);
    if (bias != null && byRows) {
      copy(device, out, 1, v, offset(bias), 1, matrices, in, pitch, gather);
    } else if (bias != null) {
      copy(device, 1, out, v, offset(bias), out, matrices, (long) in * out, pitch, gather);
    }
  }

  /** From one line of the weight to the next. */
  private long step(int lines, int each) {
    boolean together = lines == 1 || weight.rowMajor();
    return together ? each : weight.strides().get(byRows() ? 0 : 1);
  }

  private static void copy(
      Device device,
      long rows,
      long cols,
      Buffer v,
      long at,
      long step,
      Buffer matrices,
      long to,
      long pitch,
      boolean gather) {
    if (gather) {
      device.kernels().rows().copyRows(rows, cols, v, at, step, matrices, to, pitch, false);
    } else {
      device.kernels().rows().copyRows(rows, cols, matrices, to, pitch, v, at, step, false);
    }
  }
}
