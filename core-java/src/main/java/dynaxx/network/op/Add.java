package dynaxx.network.op;

import dynaxx.layer.Shape;
import java.util.List;

/** Sum of two inputs of one shape: the residual connection. */
public record Add() implements JointlyLinear {

  @Override
  public String name() {
    return "add";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    return Check.same(this, inputs);
  }

  @Override
  public boolean passesAdjoint(int input) {
    return true;
  }

  @Override
  public void forward(Frame f) {
    f.device()
        .kernels()
        .elementwise()
        .add(f.examples() * f.outputShape().size(), f.x(0), f.x(1), f.y());
  }

  @Override
  public void backward(Frame f) {
    for (int i = 0; i < 2; i++) {
      if (f.active(i) && !f.passesOn(i)) {
        Copies.copy(f, 1, f.dy(), f.dx(i), f.adds(i));
      }
    }
  }

  @Override
  public void tangentForward(Frame f) {
    long n = f.directions() * f.examples() * f.outputShape().size();
    if (f.active(0) && f.active(1)) {
      f.device().kernels().elementwise().add(n, f.rx(0), f.rx(1), f.ry());
    } else {
      Copies.copy(f, f.directions(), f.rx(f.active(0) ? 0 : 1), f.ry(), false);
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    for (int i = 0; i < 2; i++) {
      if (f.active(i) && !f.passesOn(i)) {
        Copies.copy(f, f.directions(), f.rdy(), f.rdx(i), f.adds(i));
      }
    }
  }
}
