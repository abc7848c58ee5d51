package dynaxx.network.op;

import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;
import dynaxx.network.Frame;
import dynaxx.network.Shape;
import java.util.List;

/**
 * A convolution with constant weights and no bias: {@link Conv} for a layer that does not train.
 */
public final class FixedConv implements JointlyLinear {

  private final Conv geometry;
  private final float[] weights;

  private FixedConv(Conv geometry, float[] weights) {
    this.geometry = geometry;
    this.weights = weights;
  }

  /**
   * A convolution.
   *
   * @param geometry strides, padding, dilation and groups; of its weight only the shape counts
   * @param weights as many values as the geometry's weight; copied
   * @return the op
   * @throws IllegalArgumentException if the number of values differs or the geometry has a bias
   */
  public static FixedConv of(Conv geometry, float... weights) {
    Shape.requireSize("weights", weights.length, geometry.weight().size());
    if (geometry.bias() != null) {
      throw new IllegalArgumentException("geometry: found a bias, expected none");
    }
    return new FixedConv(geometry, weights.clone());
  }

  public Conv geometry() {
    return geometry;
  }

  public float weight(int i) {
    return weights[i];
  }

  @Override
  public String name() {
    return geometry.name();
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    return geometry.outputShape(inputs);
  }

  @Override
  public List<float[]> constants() {
    return List.of(weights);
  }

  private Convolution shape(Frame f) {
    return geometry.shape(f.inputShape(0), f.examples());
  }

  private static Strided each(Buffer all, Frame f, Shape shape) {
    return new Strided(all, 0, f.examples() * shape.size());
  }

  @Override
  public void forward(Frame f) {
    Strided w = Strided.of(f.constant(0));
    f.device()
        .kernels()
        .convolutions()
        .convolve(shape(f), 1, Strided.of(f.x(0)), w, null, f.y(), false);
  }

  @Override
  public void backward(Frame f) {
    if (f.active(0)) {
      Strided w = Strided.of(f.constant(0));
      f.device()
          .kernels()
          .convolutions()
          .convolveInput(shape(f), 1, Strided.of(f.dy()), w, f.dx(0), f.adds(0));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    Strided w = Strided.of(f.constant(0));
    Strided rx = each(f.rx(0), f, f.inputShape(0));
    f.device()
        .kernels()
        .convolutions()
        .convolve(shape(f), f.directions(), rx, w, null, f.ry(), false);
  }

  @Override
  public void tangentBackward(Frame f) {
    Strided w = Strided.of(f.constant(0));
    Strided rdy = each(f.rdy(), f, f.outputShape());
    f.device()
        .kernels()
        .convolutions()
        .convolveInput(shape(f), f.directions(), rdy, w, f.rdx(0), f.adds(0));
  }

  @Override
  public String toString() {
    return "FixedConv[" + geometry.weight().shape() + "]";
  }
}
