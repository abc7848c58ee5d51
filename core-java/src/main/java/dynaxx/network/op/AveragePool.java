package dynaxx.network.op;

import dynaxx.kernel.PoolKernels.Pooling;
import dynaxx.layer.Shape;
import java.util.List;

/**
 * Mean of the pixels of each window, channel by channel.
 *
 * @param window its windows
 * @param countPadding whether padding counts, as zeros; if not, the mean is that of the pixels
 *     inside the image
 */
public record AveragePool(PoolWindow window, boolean countPadding) implements JointlyLinear {

  /**
   * Padding counts, where there is any.
   *
   * @param window its windows
   */
  public AveragePool(PoolWindow window) {
    this(window, true);
  }

  @Override
  public String name() {
    return "average pool";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    return PoolShapes.outputShape(this, window, inputs);
  }

  private Pooling pooling(Frame f, int directions) {
    return PoolShapes.of(window, f, directions);
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().pools().averagePool(pooling(f, 1), countPadding, f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .pools()
        .averagePoolBackward(pooling(f, 1), countPadding, f.dy(), f.dx(0), f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    f.device()
        .kernels()
        .pools()
        .averagePool(pooling(f, f.directions()), countPadding, f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    Pooling s = pooling(f, f.directions());
    f.device().kernels().pools().averagePoolBackward(s, countPadding, f.rdy(), f.rdx(0), f.adds(0));
  }
}
