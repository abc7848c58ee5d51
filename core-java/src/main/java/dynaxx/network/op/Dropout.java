package dynaxx.network.op;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.network.op.Frame.Mode;
import java.util.List;

/**
 * Inverted dropout (Srivastava et al., 2014) in training passes, the identity while measuring.
 *
 * @param rate probability of dropping a value, from 0 to below 1
 */
public record Dropout(double rate) implements JointlyLinear {

  /** Streams from here on are not used by probes and starting values. */
  private static final long STREAM = 1L << 60;

  /**
   * Checks the rate.
   *
   * @param rate probability
   */
  public Dropout {
    if (!(rate >= 0 && rate < 1)) {
      throw new IllegalArgumentException("rate: found " + rate + ", expected from 0 to below 1");
    }
  }

  @Override
  public String name() {
    return "dropout";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    return inputs.getFirst();
  }

  @Override
  public void forward(Frame f) {
    mask(f, f.x(0), f.y(), false);
  }

  @Override
  public void backward(Frame f) {
    mask(f, f.dy(), f.dx(0), f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    Copies.copy(f, f.directions(), f.rx(0), f.ry(), false);
  }

  @Override
  public void tangentBackward(Frame f) {
    Copies.copy(f, f.directions(), f.rdy(), f.rdx(0), f.adds(0));
  }

  private void mask(Frame f, Buffer from, Buffer to, boolean add) {
    Mode mode = f.mode();
    if (!mode.training() || rate == 0) {
      Copies.copy(f, 1, from, to, add);
      return;
    }
    long n = f.examples() * f.outputShape().size();
    long stream = STREAM + (mode.step() << 16) + f.node();
    f.device().kernels().elementwise().dropout(n, rate, mode.seed(), stream, from, to, add);
  }
}
