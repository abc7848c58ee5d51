package dynaxx.network.op;

import dynaxx.kernel.PoolKernels.Pooling;
import dynaxx.layer.Shape;
import java.util.List;

/**
 * Largest pixel of each window, channel by channel; of equal ones the first in reading order.
 * Tangents and adjoints follow the pixel that the forward pass has found, and there is no
 * curvature: the function is linear except where pixels are equal. Pixels that differ in float64
 * may round to the same number in float32; then the first is taken, whichever was the larger.
 *
 * @param window its windows
 */
public record MaxPool(PoolWindow window) implements JointlyLinear {

  /** Whole numbers up to here are exact in float32, in which positions are kept. */
  private static final long MOST_PIXELS = 1L << 24;

  @Override
  public String name() {
    return "max pool";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Shape y = PoolShapes.outputShape(this, window, inputs);
    Shape x = inputs.getFirst();
    boolean fits = (long) x.dim(1) * x.dim(2) <= MOST_PIXELS;
    Check.that(fits, this, 0, x, "at most " + MOST_PIXELS + " pixels in a channel");
    return y;
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return Workspace.saved(outputShape(inputs).size());
  }

  private Pooling pooling(Frame f) {
    return PoolShapes.of(window, f, 1);
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().pools().maxPool(pooling(f), f.x(0), f.y(), f.saved(0));
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .pools()
        .maxPoolBackward(pooling(f), 1, f.saved(0), f.dy(), f.dx(0), f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    f.device()
        .kernels()
        .pools()
        .maxPoolTangent(pooling(f), f.directions(), f.saved(0), f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    f.device()
        .kernels()
        .pools()
        .maxPoolBackward(pooling(f), f.directions(), f.saved(0), f.rdy(), f.rdx(0), f.adds(0));
  }
}
