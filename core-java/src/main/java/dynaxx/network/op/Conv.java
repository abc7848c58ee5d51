package dynaxx.network.op;

import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Convolution (LeCun et al., 1989) of an image {@code [channels x height x width]} or, with weights
 * of three axes, of a signal {@code [channels x width]}: {@code y[o, p, q] = bias[o] + sum over c,
 * i, j of w[o, c, i, j] x[c, p sy - top + i dy, q sx - left + j dx]}, x being zero outside the
 * image. Three convolutions in a gradient, six in a Hessian-vector product, three in a quadratic
 * form.
 *
 * <p>{@link #of} makes the plain one, the {@code with} methods the others: {@code Conv.of(weight,
 * bias).withStride(2).withPadding(1)}.
 *
 * @param weight out x in / groups x height x width of the kernel, in reading order; without height
 *     for a signal
 * @param bias out values, or null for none; constant if the weight is
 * @param strideY rows from place to place; 1 for a signal
 * @param strideX columns from place to place
 * @param padding zeros around the image
 * @param dilationY rows from element to element of the kernel; 1 for a signal
 * @param dilationX columns from element to element of the kernel
 * @param groups divides the channels of input and output; each group of outputs sees the inputs of
 *     its own group only, so that as many groups as channels make a depthwise convolution
 */
public record Conv(
    Operand weight,
    Operand bias,
    int strideY,
    int strideX,
    Padding padding,
    int dilationY,
    int dilationX,
    int groups)
    implements Op {

  /**
   * Checks what does not depend on the input.
   *
   * @param weight in reading order
   * @param bias out values or null
   * @param strideY at least 1
   * @param strideX at least 1
   * @param padding zeros around the image
   * @param dilationY at least 1
   * @param dilationX at least 1
   * @param groups a divisor of the outputs
   * @throws IllegalArgumentException naming what does not fit
   */
  public Conv {
    int rank = weight.shape().rank();
    Operands.check(weight, bias);
    if (rank != 3 && rank != 4 || !weight.rowMajor()) {
      throw new IllegalArgumentException(
          "convolution: "
              + weight
              + ", expected [out x in / groups x height x width] or [out x in / groups x width] in"
              + " reading order");
    }
    require("stride", strideY, strideX);
    require("dilation", dilationY, dilationX);
    require("groups", groups, groups);
    if (rank == 3
        && (strideY != 1 || dilationY != 1 || padding.top() != 0 || padding.bottom() != 0)) {
      throw new IllegalArgumentException(
          "convolution: found stride, dilation or padding along the height, expected none for the"
              + " signal that weight "
              + weight.shape()
              + " is for");
    }
    if (weight.shape().dim(0) % groups != 0) {
      throw new IllegalArgumentException(
          "groups: found " + groups + ", expected a divisor of the outputs of " + weight.shape());
    }
  }

  private static void require(String argument, int y, int x) {
    if (y < 1 || x < 1) {
      throw new IllegalArgumentException(
          argument + ": found " + Math.min(y, x) + ", expected at least 1");
    }
  }

  /**
   * Stride 1, no padding, no dilation, one group.
   *
   * @param weight out x in x height x width, or out x in x width
   * @param bias out values, or null for none
   * @return the op
   */
  public static Conv of(Parameter weight, Parameter bias) {
    return of(Operand.of(weight), Operand.of(bias));
  }

  /**
   * Stride 1, no padding, no dilation, one group.
   *
   * @param weight out x in x height x width, or out x in x width
   * @param bias out values, or null for none
   * @return the op
   */
  public static Conv of(Operand weight, Operand bias) {
    return new Conv(weight, bias, 1, 1, Padding.NONE, 1, 1, 1);
  }

  private boolean signal() {
    return weight.shape().rank() == 3;
  }

  /**
   * The same with another stride along all its axes.
   *
   * @param stride pixels from place to place
   * @return the op
   */
  public Conv withStride(int stride) {
    return withStride(signal() ? 1 : stride, stride);
  }

  /**
   * The same with other strides.
   *
   * @param y rows from place to place
   * @param x columns from place to place
   * @return the op
   */
  public Conv withStride(int y, int x) {
    return new Conv(weight, bias, y, x, padding, dilationY, dilationX, groups);
  }

  /**
   * The same with zeros on all sides, of a signal at both ends.
   *
   * @param pixels how many
   * @return the op
   */
  public Conv withPadding(int pixels) {
    return withPadding(Padding.of(signal() ? 0 : pixels, pixels));
  }

  /**
   * The same with other padding.
   *
   * @param zeros around the image
   * @return the op
   */
  public Conv withPadding(Padding zeros) {
    return new Conv(weight, bias, strideY, strideX, zeros, dilationY, dilationX, groups);
  }

  /**
   * The same with another dilation along all its axes.
   *
   * @param dilation pixels from element to element of the kernel
   * @return the op
   */
  public Conv withDilation(int dilation) {
    return withDilation(signal() ? 1 : dilation, dilation);
  }

  /**
   * The same with other dilations.
   *
   * @param y rows from element to element
   * @param x columns from element to element
   * @return the op
   */
  public Conv withDilation(int y, int x) {
    return new Conv(weight, bias, strideY, strideX, padding, y, x, groups);
  }

  /**
   * The same with another number of groups.
   *
   * @param count divides inputs and outputs
   * @return the op
   */
  public Conv withGroups(int count) {
    return new Conv(weight, bias, strideY, strideX, padding, dilationY, dilationX, count);
  }

  @Override
  public String name() {
    return signal() ? "conv1d" : "conv2d";
  }

  private Operands operands() {
    return new Operands(weight, bias);
  }

  private static ConvolutionKernels kernels(Frame f) {
    return f.device().kernels().convolutions();
  }

  private int out() {
    return weight.shape().dim(0);
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    int channels = Math.multiplyExact(groups, weight.shape().dim(1));
    Check.that(
        x.rank() == weight.shape().rank() - 1 && x.dim(0) == channels,
        this,
        0,
        x,
        "[%d x %s] for weight %s and %d groups"
            .formatted(channels, signal() ? "width" : "height x width", weight.shape(), groups));
    Convolution s = shape(x, 1);
    Check.that(
        fits(s.y()) && fits(s.x()),
        this,
        0,
        x,
        "a padded extent of at least that of the dilated kernel of weight " + weight.shape());
    operands().checkBias(this, out());
    return signal()
        ? Shape.of(out(), s.x().count())
        : Shape.of(out(), s.y().count(), s.x().count());
  }

  private static boolean fits(Sliding s) {
    return s.size() + s.before() + s.after() > s.dilation() * (s.kernel() - 1);
  }

  private Convolution shape(Shape x, int images) {
    Shape w = weight.shape();
    int height = signal() ? 1 : x.dim(1);
    int kernel = signal() ? 1 : w.dim(2);
    return new Convolution(
        images,
        x.dim(0),
        out(),
        groups,
        new Sliding(height, kernel, strideY, padding.top(), padding.bottom(), dilationY),
        new Sliding(x.dim(-1), w.dim(-1), strideX, padding.left(), padding.right(), dilationX));
  }

  /**
   * The pixels below the kernel as a convolution with ones: channel {@code g depth + c} of its
   * output is element c of the weights of group g.
   *
   * @param image shape of an input
   * @param images how many
   * @return the convolution, with {@code groups depth} outputs
   */
  public Convolution windows(Shape image, int images) {
    Convolution s = shape(image, images);
    return new Convolution(images, s.channels(), groups * s.depth(), groups, s.y(), s.x());
  }

  private Convolution shape(Frame f) {
    return shape(f.inputShape(0), f.examples());
  }

  @Override
  public List<Parameter> parameters() {
    return operands().parameters();
  }

  @Override
  public List<float[]> constants() {
    return operands().constants();
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return operands().trained() ? Workspace.scratch(inputs.getFirst().size()) : Workspace.NONE;
  }

  private static Strided each(Buffer all, Frame f, Shape shape) {
    return new Strided(all, 0, f.examples() * shape.size());
  }

  @Override
  public boolean readsOutput() {
    return false;
  }

  @Override
  public void forward(Frame f) {
    Operands o = operands();
    kernels(f).convolve(shape(f), 1, Strided.of(f.x(0)), o.w(f), o.b(f), f.y(), false);
  }

  @Override
  public void backward(Frame f) {
    Operands o = operands();
    Strided dy = Strided.of(f.dy());
    if (f.active(0)) {
      kernels(f).convolveInput(shape(f), 1, dy, o.w(f), f.dx(0), f.adds(0));
    }
    if (o.trained()) {
      kernels(f).convolveWeight(shape(f), 1, Strided.of(f.x(0)), dy, o.dw(f), o.db(f));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    Operands o = operands();
    Convolution s = shape(f);
    int k = f.directions();
    if (o.trained()) {
      kernels(f).convolve(s, k, Strided.of(f.x(0)), o.rw(f), o.rb(f), f.ry(), false);
    }
    if (f.active(0)) {
      Strided rx = each(f.rx(0), f, f.inputShape(0));
      kernels(f).convolve(s, k, rx, o.w(f), null, f.ry(), o.trained());
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    Operands o = operands();
    Convolution s = shape(f);
    int k = f.directions();
    Strided dy = Strided.of(f.dy());
    Strided rdy = each(f.rdy(), f, f.outputShape());
    if (o.trained()) {
      kernels(f).convolveWeight(s, k, Strided.of(f.x(0)), rdy, o.rdw(f), o.rdb(f));
    }
    if (f.active(0)) {
      if (o.trained()) {
        Strided rx = each(f.rx(0), f, f.inputShape(0));
        kernels(f).convolveWeight(s, k, rx, dy, o.rdw(f), null);
      }
      kernels(f).convolveInput(s, k, rdy, o.w(f), f.rdx(0), f.adds(0));
      if (o.trained()) {
        kernels(f).convolveInput(s, k, dy, o.rw(f), f.rdx(0), true);
      }
    }
  }

  @Override
  public void curvature(Frame f) {
    Operands o = operands();
    if (!f.active(0) || !o.trained()) {
      return;
    }
    int k = f.directions();
    Buffer dyV = f.scratch(0);
    kernels(f).convolveInput(shape(f), k, Strided.of(f.dy()), o.rw(f), dyV, false);
    Strided rx = each(f.rx(0), f, f.inputShape(0));
    f.device().kernels().elementwise().dots(k, rx.stride(), 2, rx, dyV, f.curvature());
  }
}
