package dynaxx.network.op;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Takes one token: {@code [tokens x width]} becomes {@code [width]}.
 *
 * @param token which one, from 0
 */
public record SelectToken(int token) implements JointlyLinear {

  @Override
  public String name() {
    return "select token";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(
        x.rank() == 2 && token >= 0 && token < x.dim(0),
        this,
        0,
        x,
        "[tokens x width] with more than " + token + " tokens");
    return Shape.of(x.dim(1));
  }

  @Override
  public void forward(Frame f) {
    take(f, 1, f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    put(f, 1, f.dy(), f.dx(0));
  }

  @Override
  public void tangentForward(Frame f) {
    take(f, f.directions(), f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    put(f, f.directions(), f.rdy(), f.rdx(0));
  }

  private void take(Frame f, int k, Buffer from, Buffer to) {
    long width = f.outputShape().size();
    long rows = (long) k * f.examples();
    f.device()
        .kernels()
        .rows()
        .copyRows(rows, width, from, token * width, f.inputShape(0).size(), to, 0, width, false);
  }

  private void put(Frame f, int k, Buffer from, Buffer to) {
    long width = f.outputShape().size();
    long example = f.inputShape(0).size();
    long rows = (long) k * f.examples();
    if (!f.adds(0)) {
      f.device().algebra().fill(to.slice(0, rows * example), 0);
    }
    f.device()
        .kernels()
        .rows()
        .copyRows(rows, width, from, 0, width, to, token * width, example, true);
  }
}
