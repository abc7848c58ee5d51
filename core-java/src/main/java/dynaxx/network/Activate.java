package dynaxx.network;

import dynaxx.backend.Pointwise;
import java.util.List;

/**
 * An elementwise function.
 *
 * @param function which one
 */
public record Activate(Pointwise function) implements Op {

  @Override
  public String name() {
    return function.label();
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    return inputs.getFirst();
  }

  private static long size(Frame f) {
    return f.examples() * f.outputShape().size();
  }

  @Override
  public void forward(Frame f) {
    f.backend().activation(function, size(f), f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    f.backend().activationBackward(function, size(f), f.x(0), f.dy(), f.dx(0), f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    f.backend().activationTangent(function, f.directions(), size(f), f.x(0), f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    f.backend()
        .activationTangentBackward(
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
    f.backend()
        .activationCurvature(
            function, f.directions(), size(f), f.x(0), f.dy(), f.rx(0), f.curvature());
  }
}
