package dynaxx.network.op;


import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;
import dynaxx.network.Frame;
import dynaxx.network.Op;
import dynaxx.network.Parameter;
import dynaxx.network.Shape;
import java.util.List;

/**
 * {@code y = x W' + b} on the last axis. Three matrix products in a gradient, six in a
 * Hessian-vector product, three in a quadratic form.
 *
 * @param weight out x in; axes after the first count together, as for a patch embedding
 * @param bias out values, or null for none
 */
public record Linear(Parameter weight, Parameter bias) implements Op {

  @Override
  public String name() {
    return "linear";
  }

  private int out() {
    return weight.shape().dim(0);
  }

  private int in() {
    return Math.toIntExact(weight.size() / out());
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(
        x.rank() > 0 && x.dim(-1) == in(),
        this,
        0,
        x,
        "a last extent of " + in() + " for weight " + weight.shape());
    if (bias != null) {
      Check.parameter(bias.size() == out(), this, bias, out() + " values");
    }
    return x.withLast(out());
  }

  @Override
  public List<Parameter> parameters() {
    return bias == null ? List.of(weight) : List.of(weight, bias);
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return Workspace.scratch(inputs.getFirst().size());
  }

  private int rows(Frame f) {
    return Math.toIntExact(f.examples() * f.inputShape(0).rows());
  }

  private int stackedRows(Frame f) {
    return Math.multiplyExact(f.directions(), rows(f));
  }

  @Override
  public void forward(Frame f) {
    Strided shift = bias == null ? null : Strided.of(f.w(bias));
    Matrix w = Matrix.of(f.w(weight), in());
    f.device()
        .kernels()
        .gemm()
        .multiply(
            rows(f),
            out(),
            in(),
            1,
            Matrix.of(f.x(0), in()),
            w.t(),
            0,
            Matrix.of(f.y(), out()),
            shift,
            Members.ONE);
  }

  @Override
  public void backward(Frame f) {
    Device device = f.device();
    int rows = rows(f);
    Matrix dy = Matrix.of(f.dy(), out());
    Matrix x = Matrix.of(f.x(0), in());
    if (f.active(0)) {
      Matrix w = Matrix.of(f.w(weight), in());
      device
          .kernels()
          .gemm()
          .multiply(rows, in(), out(), 1, dy, w, f.beta(0), Matrix.of(f.dx(0), in()));
    }
    device
        .kernels()
        .gemm()
        .multiply(out(), in(), rows, 1, dy.t(), x, 1, Matrix.of(f.dw(weight), in()));
    if (bias != null) {
      device
          .kernels()
          .rows()
          .addColumnSums(1, rows, out(), f.dy(), 0, out(), Strided.of(f.dw(bias)));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    Device device = f.device();
    int rows = rows(f);
    int k = f.directions();
    Matrix x = Matrix.of(f.x(0), in());
    Matrix v = Matrix.of(f.rw(weight), in());
    Matrix ry = perDirection(f.ry(), rows, out());
    if (f.active(0)) {
      Matrix w = Matrix.of(f.w(weight), in());
      Matrix rx = Matrix.of(f.rx(0), in());
      device
          .kernels()
          .gemm()
          .multiply(stackedRows(f), out(), in(), 1, rx, w.t(), 0, Matrix.of(f.ry(), out()));
    }
    Strided shift = bias == null ? null : f.rw(bias);
    device
        .kernels()
        .gemm()
        .multiply(rows, out(), in(), 1, x, v.t(), f.active(0) ? 1 : 0, ry, shift, Members.of(k));
  }

  @Override
  public void tangentBackward(Frame f) {
    Device device = f.device();
    int rows = rows(f);
    int k = f.directions();
    Matrix x = Matrix.of(f.x(0), in());
    Matrix dy = Matrix.of(f.dy(), out());
    Matrix rdy = perDirection(f.rdy(), rows, out());
    Matrix rdw = Matrix.of(f.rdw(weight), in());
    device.kernels().gemm().multiply(out(), in(), rows, 1, rdy.t(), x, 1, rdw, null, Members.of(k));
    if (f.active(0)) {
      Matrix w = Matrix.of(f.w(weight), in());
      Matrix v = Matrix.of(f.rw(weight), in());
      Matrix rx = perDirection(f.rx(0), rows, in());
      Matrix rdx = perDirection(f.rdx(0), rows, in());
      device
          .kernels()
          .gemm()
          .multiply(out(), in(), rows, 1, dy.t(), rx, 1, rdw, null, Members.of(k));
      device
          .kernels()
          .gemm()
          .multiply(
              stackedRows(f),
              in(),
              out(),
              1,
              Matrix.of(f.rdy(), out()),
              w,
              f.beta(0),
              Matrix.of(f.rdx(0), in()));
      device.kernels().gemm().multiply(rows, in(), out(), 1, dy, v, 1, rdx, null, Members.of(k));
    }
    if (bias != null) {
      device
          .kernels()
          .rows()
          .addColumnSums(k, rows, out(), f.rdy(), (long) rows * out(), out(), f.rdw(bias));
    }
  }

  @Override
  public void curvature(Frame f) {
    if (!f.active(0)) {
      return;
    }
    int rows = rows(f);
    int k = f.directions();
    long size = (long) rows * in();
    Buffer dyV = f.scratch(0);
    Matrix v = Matrix.of(f.rw(weight), in());
    f.device()
        .kernels()
        .gemm()
        .multiply(
            rows,
            in(),
            out(),
            1,
            Matrix.of(f.dy(), out()),
            v,
            0,
            perDirection(dyV, rows, in()),
            null,
            Members.of(k));
    f.device()
        .kernels()
        .elementwise()
        .dots(k, size, 2, new Strided(f.rx(0), 0, size), dyV, f.curvature());
  }

  private static Matrix perDirection(Buffer buffer, int rows, int cols) {
    return Matrix.of(buffer, cols).batch((long) rows * cols, 0, 0);
  }
}
