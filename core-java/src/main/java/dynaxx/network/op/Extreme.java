package dynaxx.network.op;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;
import java.util.function.Consumer;

/**
 * The larger or the smaller of two inputs of one shape, element by element. Where they are equal
 * the adjoint goes to input 1. NaN in either gives NaN.
 *
 * @param largest whether the larger is taken
 */
public record Extreme(boolean largest) implements Selection {

  /**
   * The larger one.
   *
   * @return the op
   */
  public static Extreme max() {
    return new Extreme(true);
  }

  /**
   * The smaller one.
   *
   * @return the op
   */
  public static Extreme min() {
    return new Extreme(false);
  }

  @Override
  public String name() {
    return largest ? "max" : "min";
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return Workspace.saved(inputs.getFirst().size());
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().strides().compare(largest, masked(f), f.x(0), f.x(1), f.saved(0));
    Selection.super.forward(f);
  }

  @Override
  public void withMask(Frame f, Consumer<Buffer> kernels) {
    kernels.accept(f.saved(0));
  }

  @Override
  public long masked(Frame f) {
    return f.examples() * f.outputShape().size();
  }
}
