package dynaxx.network.op;

import dynaxx.device.Algebra;
import dynaxx.kernel.ElementwiseKernels;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Elementwise quotient of two inputs of one shape. Its derivatives are formed from the ratios of
 * tangents and adjoints to the divisor, which stay in range where the powers of its inverse do not.
 */
public record Divide() implements Op {

  @Override
  public String name() {
    return "divide";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    return Check.same(this, inputs);
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    long size = inputs.getFirst().size();
    return Workspace.scratch(size, size);
  }

  private static long size(Frame f) {
    return f.examples() * f.outputShape().size();
  }

  private static ElementwiseKernels kernels(Frame f) {
    return f.device().kernels().elementwise();
  }

  @Override
  public void forward(Frame f) {
    kernels(f).divide(1, size(f), 1, f.x(1), f.x(0), null, f.y(), false);
  }

  @Override
  public void backward(Frame f) {
    if (f.active(0)) {
      kernels(f).divide(1, size(f), 1, f.x(1), f.dy(), null, f.dx(0), f.adds(0));
    }
    if (f.active(1)) {
      kernels(f).divide(1, size(f), -1, f.x(1), f.dy(), f.y(), f.dx(1), f.adds(1));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    tangent(f, f.ry());
  }

  /** {@code ry = (rx0 - y rx1) / x1}. */
  private static void tangent(Frame f, Buffer ry) {
    if (f.active(0)) {
      kernels(f).divide(f.directions(), size(f), 1, f.x(1), f.rx(0), null, ry, false);
    }
    if (f.active(1)) {
      kernels(f).divide(f.directions(), size(f), -1, f.x(1), f.rx(1), f.y(), ry, f.active(0));
    }
  }

  /**
   * With {@code s = rdy - dy rx1 / x1}: {@code s / x1} for the dividend, {@code -(y s + dy ry) /
   * x1} for the divisor.
   */
  @Override
  public void tangentBackward(Frame f) {
    int k = f.directions();
    long n = size(f);
    Algebra algebra = f.device().algebra();
    Buffer s = f.rdy();
    if (f.active(1)) {
      s = f.scratch(0);
      kernels(f).divide(k, n, -1, f.x(1), f.rx(1), f.dy(), s, false);
      algebra.axpby(1, f.rdy().slice(0, k * n), 1, s.slice(0, k * n));
    }
    if (f.active(0)) {
      kernels(f).divide(k, n, 1, f.x(1), s, null, f.rdx(0), f.adds(0));
    }
    if (f.active(1)) {
      kernels(f).divide(k, n, -1, f.x(1), s, f.y(), f.rdx(1), f.adds(1));
      tangent(f, f.scratch(1));
      kernels(f).divide(k, n, -1, f.x(1), f.scratch(1), f.dy(), f.rdx(1), true);
    }
  }

  /** {@code d2y = -2 (rx1 / x1) ry}. */
  @Override
  public void curvature(Frame f) {
    if (f.active(1)) {
      int k = f.directions();
      kernels(f).divide(k, size(f), 1, f.x(1), f.rx(1), null, f.scratch(0), false);
      kernels(f).dots(k, size(f), -2, f.dy(), f.scratch(0), f.ry(), f.curvature());
    }
  }
}
