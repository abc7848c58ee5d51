package dynaxx.network.op;

import dynaxx.device.Device;
import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Activation;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.network.op.Op.Statistic;
import java.util.List;

/**
 * An elementwise function.
 *
 * @param function which one
 */
public record Activate(Pointwise function) implements Op {

  /**
   * An activation.
   *
   * @param activation which one
   */
  public Activate(Activation activation) {
    this(Pointwise.of(activation));
  }

  @Override
  public String name() {
    return function.label();
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    return inputs.getFirst();
  }

  /** Whether it passes on what is above zero: ReLU, also leaky or with an upper limit. */
  private boolean rectifies() {
    return switch (function) {
      case Pointwise.Standard(Activation activation) -> activation == Activation.RELU;
      case Elementary e ->
          switch (e.kind()) {
            case LEAKY_RELU -> true;
            case CLIP -> e.a() == 0 && e.b() > 0;
            default -> false;
          };
    };
  }

  @Override
  public List<Statistic> statistics(List<Shape> inputs) {
    long units = inputs.getFirst().size();
    return rectifies()
        ? List.of(new Statistic("active_fraction", 1, units, true, Activate::countActive))
        : List.of();
  }

  /**
   * Adds the number of inputs above zero. Before the backward pass the adjoints hold nothing yet,
   * and are the work space.
   */
  private static void countActive(Frame f, Scalars count) {
    Device device = f.device();
    Buffer zero = f.dy();
    Buffer above = f.dx(0);
    device.algebra().fill(zero, 0);
    device.kernels().strides().compare(true, size(f), f.x(0), zero, above);
    device.kernels().elementwise().dots(1, size(f), 1, Strided.of(above), above, count);
  }

  private static long size(Frame f) {
    return f.examples() * f.outputShape().size();
  }

  @Override
  public boolean readsOutput() {
    return false;
  }

  @Override
  public boolean cheap() {
    return true;
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().activations().forward(function, size(f), f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .activations()
        .backward(function, size(f), f.x(0), f.dy(), f.dx(0), f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    f.device()
        .kernels()
        .activations()
        .tangent(function, f.directions(), size(f), f.x(0), f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    f.device()
        .kernels()
        .activations()
        .tangentBackward(
            function,
            f.directions(),
            size(f),
            f.x(0),
            f.dy(),
            f.rx(0),
            f.rdy(),
            f.rdx(0),
            f.adds(0));
  }

  @Override
  public void curvature(Frame f) {
    f.device()
        .kernels()
        .activations()
        .curvature(function, f.directions(), size(f), f.x(0), f.dy(), f.rx(0), f.curvature());
  }
}
