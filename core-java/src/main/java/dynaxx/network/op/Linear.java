package dynaxx.network.op;

import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * {@code y = x W' + b} on the last axis. Three matrix products in a gradient, six in a
 * Hessian-vector product, three in a quadratic form.
 *
 * @param weight out x in, of which the rows or the columns lie together; axes after the first count
 *     together, as for a patch embedding
 * @param bias out values, or null for none; constant if the weight is
 */
public record Linear(Operand weight, Operand bias) implements Op {

  /**
   * Checks the layout.
   *
   * @param weight out x in, or its transpose's {@link Operand#t}
   * @param bias out values, or null for none
   * @throws IllegalArgumentException if neither rows nor columns of the weight lie together, or the
   *     bias trains and the weight does not
   */
  public Linear {
    weight = weight.matrix();
    Operands.check(weight, bias);
    if (!takes(weight)) {
      throw new IllegalArgumentException(
          "linear: "
              + weight
              + " and strides "
              + weight.strides()
              + ", expected rows or columns that lie together");
    }
  }

  /**
   * Whole parameters.
   *
   * @param weight out x in
   * @param bias out values, or null for none
   */
  public Linear(Parameter weight, Parameter bias) {
    this(Operand.of(weight), Operand.of(bias));
  }

  /**
   * Whether a matrix lies as a weight must: rows or columns together.
   *
   * @param weight two axes
   * @return false if a row's and a column's neighbours are both apart
   */
  public static boolean takes(Operand weight) {
    return byRows(weight) || weight.shape().dim(0) == 1 || weight.strides().get(0) == 1;
  }

  private static boolean byRows(Operand weight) {
    return weight.shape().dim(1) == 1 || weight.strides().get(1) == 1;
  }

  @Override
  public String name() {
    return "linear";
  }

  private Operands operands() {
    return new Operands(weight, bias);
  }

  private int out() {
    return weight.shape().dim(0);
  }

  private int in() {
    return weight.shape().dim(1);
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
    operands().checkBias(this, out());
    return x.withLast(out());
  }

  @Override
  public List<Parameter> parameters() {
    return operands().parameters();
  }

  @Override
  public List<float[]> constants() {
    return operands().constants();
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return operands().trained() ? Workspace.scratch(inputs.getFirst().size()) : Workspace.NONE;
  }

  private static int rows(Frame f) {
    return Math.toIntExact(f.examples() * f.inputShape(0).rows());
  }

  private static int stackedRows(Frame f) {
    return Math.multiplyExact(f.directions(), rows(f));
  }

  private static GemmKernels gemm(Frame f) {
    return f.device().kernels().gemm();
  }

  /** The weight as it is stored: out x in, or in x out. */
  private Matrix stored(Strided values) {
    boolean byRows = byRows(weight);
    int lines = byRows ? out() : in();
    return Matrix.of(values, lines == 1 ? out() * in() : weight.strides().get(byRows ? 0 : 1));
  }

  /** The weight as out x in. */
  private Matrix matrix(Strided values) {
    return byRows(weight) ? stored(values) : stored(values).t();
  }

  /** {@code W += dy' x} for k pairs, in the order that W is stored in. */
  private void addOuter(Frame f, int k, Matrix dy, Matrix x, Strided to) {
    int rows = rows(f);
    Matrix w = stored(to);
    if (byRows(weight)) {
      gemm(f).multiply(out(), in(), rows, 1, dy.t(), x, 1, w, null, Members.of(k));
    } else {
      gemm(f).multiply(in(), out(), rows, 1, x.t(), dy, 1, w, null, Members.of(k));
    }
  }

  private void addBias(Frame f, int k, Buffer dy, Strided to) {
    if (to != null) {
      long each = k == 1 ? 0 : (long) rows(f) * out();
      f.device().kernels().rows().addColumnSums(k, rows(f), out(), dy, each, out(), to);
    }
  }

  @Override
  public boolean readsInput(int input) {
    return operands().trained();
  }

  @Override
  public boolean readsOutput() {
    return false;
  }

  @Override
  public void forward(Frame f) {
    Operands o = operands();
    Matrix x = Matrix.of(f.x(0), in());
    Matrix y = Matrix.of(f.y(), out());
    Matrix w = matrix(o.w(f));
    gemm(f).multiply(rows(f), out(), in(), 1, x, w.t(), 0, y, o.b(f), Members.ONE);
  }

  @Override
  public void backward(Frame f) {
    Operands o = operands();
    Matrix dy = Matrix.of(f.dy(), out());
    if (f.active(0)) {
      Matrix dx = Matrix.of(f.dx(0), in());
      gemm(f).multiply(rows(f), in(), out(), 1, dy, matrix(o.w(f)), f.beta(0), dx);
    }
    if (o.trained()) {
      addOuter(f, 1, dy, Matrix.of(f.x(0), in()), o.dw(f));
      addBias(f, 1, f.dy(), o.db(f));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    Operands o = operands();
    int rows = rows(f);
    if (f.active(0)) {
      Matrix rx = Matrix.of(f.rx(0), in());
      Matrix ry = Matrix.of(f.ry(), out());
      gemm(f).multiply(stackedRows(f), out(), in(), 1, rx, matrix(o.w(f)).t(), 0, ry);
    }
    if (o.trained()) {
      Matrix x = Matrix.of(f.x(0), in());
      Matrix v = matrix(o.rw(f));
      Matrix ry = each(f.ry(), rows, out());
      Members k = Members.of(f.directions());
      gemm(f).multiply(rows, out(), in(), 1, x, v.t(), f.active(0) ? 1 : 0, ry, o.rb(f), k);
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    Operands o = operands();
    int rows = rows(f);
    int k = f.directions();
    Matrix dy = Matrix.of(f.dy(), out());
    if (o.trained()) {
      addOuter(f, k, each(f.rdy(), rows, out()), Matrix.of(f.x(0), in()), o.rdw(f));
    }
    if (f.active(0)) {
      if (o.trained()) {
        addOuter(f, k, dy, each(f.rx(0), rows, in()), o.rdw(f));
      }
      Matrix rdy = Matrix.of(f.rdy(), out());
      Matrix rdx = Matrix.of(f.rdx(0), in());
      gemm(f).multiply(stackedRows(f), in(), out(), 1, rdy, matrix(o.w(f)), f.beta(0), rdx);
      if (o.trained()) {
        Matrix v = matrix(o.rw(f));
        Matrix each = each(f.rdx(0), rows, in());
        gemm(f).multiply(rows, in(), out(), 1, dy, v, 1, each, null, Members.of(k));
      }
    }
    addBias(f, k, f.rdy(), o.rdb(f));
  }

  @Override
  public void curvature(Frame f) {
    Operands o = operands();
    if (!f.active(0) || !o.trained()) {
      return;
    }
    int rows = rows(f);
    int k = f.directions();
    long size = (long) rows * in();
    Matrix dy = Matrix.of(f.dy(), out());
    Matrix dyV = each(f.scratch(0), rows, in());
    gemm(f).multiply(rows, in(), out(), 1, dy, matrix(o.rw(f)), 0, dyV, null, Members.of(k));
    Strided rx = new Strided(f.rx(0), 0, size);
    f.device().kernels().elementwise().dots(k, size, 2, rx, f.scratch(0), f.curvature());
  }

  /** One matrix for each direction. */
  private static Matrix each(Buffer buffer, int rows, int cols) {
    return Matrix.of(buffer, cols).batch((long) rows * cols, 0, 0);
  }
}
