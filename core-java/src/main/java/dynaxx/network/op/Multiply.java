package dynaxx.network.op;

import dynaxx.layer.Shape;
import java.util.List;

/** Elementwise product of two inputs of one shape, as in gated units. */
public record Multiply() implements Op {

  @Override
  public String name() {
    return "multiply";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    return Check.same(this, inputs);
  }

  private static long size(Frame f) {
    return f.examples() * f.outputShape().size();
  }

  @Override
  public boolean readsOutput() {
    return false;
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().elementwise().multiply(1, size(f), f.x(0), f.x(1), f.y(), false);
  }

  @Override
  public void backward(Frame f) {
    for (int i = 0; i < 2; i++) {
      if (f.active(i)) {
        f.device()
            .kernels()
            .elementwise()
            .multiply(1, size(f), f.x(1 - i), f.dy(), f.dx(i), f.adds(i));
      }
    }
  }

  @Override
  public void tangentForward(Frame f) {
    boolean add = false;
    for (int i = 0; i < 2; i++) {
      if (f.active(i)) {
        f.device()
            .kernels()
            .elementwise()
            .multiply(f.directions(), size(f), f.x(1 - i), f.rx(i), f.ry(), add);
        add = true;
      }
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    for (int i = 0; i < 2; i++) {
      if (f.active(i)) {
        f.device()
            .kernels()
            .elementwise()
            .multiply(f.directions(), size(f), f.x(1 - i), f.rdy(), f.rdx(i), f.adds(i));
        if (f.active(1 - i)) {
          f.device()
              .kernels()
              .elementwise()
              .multiply(f.directions(), size(f), f.dy(), f.rx(1 - i), f.rdx(i), true);
        }
      }
    }
  }

  @Override
  public void curvature(Frame f) {
    if (f.active(0) && f.active(1)) {
      f.device()
          .kernels()
          .elementwise()
          .dots(f.directions(), size(f), 2, f.dy(), f.rx(0), f.rx(1), f.curvature());
    }
  }
}
