package dynaxx.network.op;

import dynaxx.layer.Shape;
import java.util.List;

/** Drops the axes of an example: any shape becomes one axis. */
public record Flatten() implements JointlyLinear {

  @Override
  public String name() {
    return "flatten";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    return Shape.of(Math.toIntExact(inputs.getFirst().size()));
  }

  @Override
  public boolean passesAdjoint(int input) {
    return true;
  }

  @Override
  public void forward(Frame f) {
    Copies.copy(f, 1, f.x(0), f.y(), false);
  }

  @Override
  public void backward(Frame f) {
    if (!f.passesOn(0)) {
      Copies.copy(f, 1, f.dy(), f.dx(0), f.adds(0));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    Copies.copy(f, f.directions(), f.rx(0), f.ry(), false);
  }

  @Override
  public void tangentBackward(Frame f) {
    if (!f.passesOn(0)) {
      Copies.copy(f, f.directions(), f.rdy(), f.rdx(0), f.adds(0));
    }
  }
}
