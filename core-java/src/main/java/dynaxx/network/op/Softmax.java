package dynaxx.network.op;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/** {@code p = exp(x) / sum exp(x)} over the last axis. */
public record Softmax() implements Op {

  @Override
  public String name() {
    return "softmax";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(x.rank() > 0, this, 0, x, "at least one axis");
    return x;
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    long size = inputs.getFirst().size();
    return new Workspace(List.of(size), List.of(size), List.of(size));
  }

  private static long rows(Frame f) {
    return f.examples() * f.outputShape().rows();
  }

  private static int cols(Frame f) {
    return f.outputShape().dim(-1);
  }

  @Override
  public boolean readsInput(int input) {
    return false;
  }

  @Override
  public void forward(Frame f) {
    f.device().kernels().softmax().forward(rows(f), cols(f), f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    Buffer dx = f.adds(0) ? f.saved(0) : f.dx(0);
    f.device().kernels().softmax().backward(rows(f), cols(f), f.y(), f.dy(), dx);
    if (f.adds(0)) {
      Copies.copy(f, 1, dx, f.dx(0), true);
    }
  }

  @Override
  public void tangentForward(Frame f) {
    Buffer rp = f.savedTangent(0);
    f.device().kernels().softmax().tangent(f.directions(), rows(f), cols(f), f.y(), f.rx(0), rp);
    Copies.copy(f, f.directions(), rp, f.ry(), false);
  }

  @Override
  public void tangentBackward(Frame f) {
    int k = f.directions();
    Buffer rdx = f.adds(0) ? f.scratch(0) : f.rdx(0);
    f.device()
        .kernels()
        .softmax()
        .tangentBackward(k, rows(f), cols(f), f.y(), f.dy(), f.savedTangent(0), f.rdy(), rdx);
    if (f.adds(0)) {
      Copies.copy(f, k, rdx, f.rdx(0), true);
    }
  }

  @Override
  public void curvature(Frame f) {
    f.device()
        .kernels()
        .softmax()
        .curvature(f.directions(), rows(f), cols(f), f.y(), f.dy(), f.rx(0), f.curvature());
  }
}
