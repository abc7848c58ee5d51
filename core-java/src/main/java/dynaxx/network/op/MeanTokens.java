package dynaxx.network.op;

import dynaxx.layer.Shape;
import java.util.List;

/** Mean over tokens: {@code [tokens x width]} becomes {@code [width]}. */
public record MeanTokens() implements JointlyLinear {

  @Override
  public String name() {
    return "mean over tokens";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Check.that(inputs.getFirst().rank() == 2, this, 0, inputs.getFirst(), "[tokens x width]");
    return Shape.of(inputs.getFirst().dim(1));
  }

  private static int tokens(Frame f) {
    return f.inputShape(0).dim(0);
  }

  private static int width(Frame f) {
    return f.inputShape(0).dim(1);
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().rows().meanRows(f.examples(), tokens(f), width(f), f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .rows()
        .meanRowsBackward(f.examples(), tokens(f), width(f), f.dy(), f.dx(0), f.adds(0));
  }

  @Override
  public void tangentForward(Frame f) {
    long groups = (long) f.directions() * f.examples();
    f.device().kernels().rows().meanRows(groups, tokens(f), width(f), f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    long groups = (long) f.directions() * f.examples();
    f.device()
        .kernels()
        .rows()
        .meanRowsBackward(groups, tokens(f), width(f), f.rdy(), f.rdx(0), f.adds(0));
  }
}
