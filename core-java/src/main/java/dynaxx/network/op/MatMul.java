package dynaxx.network.op;

import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Matrix product of two nodes over their last two axes, for every position of the axes before,
 * which are the same for both.
 *
 * @param transposeLeft whether input 0 holds the left factors transposed
 * @param transposeRight whether input 1 holds the right factors transposed
 */
public record MatMul(boolean transposeLeft, boolean transposeRight) implements Op {

  /** The product of the inputs as they are. */
  public MatMul() {
    this(false, false);
  }

  @Override
  public String name() {
    return "matmul";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 2);
    Shape a = inputs.get(0);
    Shape b = inputs.get(1);
    Check.that(a.rank() >= 2, this, 0, a, "at least two axes");
    boolean fits = b.rank() == a.rank() && b.dim(transposeRight ? -1 : -2) == depth(a);
    for (int axis = 0; fits && axis < a.rank() - 2; axis++) {
      fits = a.dim(axis) == b.dim(axis);
    }
    String expected = "the leading axes of input 0, " + a + ", and " + depth(a) + " to sum over";
    Check.that(fits, this, 1, b, expected);
    int last = a.rank() - 1;
    int rows = a.dim(transposeLeft ? -1 : -2);
    return a.with(last - 1, rows).with(last, b.dim(transposeRight ? -2 : -1));
  }

  private int depth(Shape a) {
    return a.dim(transposeLeft ? -2 : -1);
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return Workspace.scratch(outputShape(inputs).size());
  }

  /** Which of three matrices: left factor, right factor, product. */
  private enum Part {
    LEFT,
    RIGHT,
    PRODUCT
  }

  /** A family with batch indices direction and member, seen as the factor that it stands for. */
  private Matrix part(Frame f, Part part, Buffer buffer, boolean perDirection) {
    Shape shape =
        switch (part) {
          case LEFT -> f.inputShape(0);
          case RIGHT -> f.inputShape(1);
          case PRODUCT -> f.outputShape();
        };
    long square = (long) shape.dim(-2) * shape.dim(-1);
    long direction = perDirection ? f.examples() * shape.size() : 0;
    Matrix family = Matrix.of(buffer, shape.dim(-1)).batch(direction, square, 0);
    boolean transposed = part == Part.LEFT && transposeLeft || part == Part.RIGHT && transposeRight;
    return transposed ? family.t() : family;
  }

  /** {@code c = a b + beta c}; a destination that is held transposed is made as {@code b' a'}. */
  private void multiply(Frame f, int k, Matrix a, Matrix b, double beta, Matrix c, Part to) {
    int m = f.outputShape().dim(-2);
    int n = f.outputShape().dim(-1);
    int depth = depth(f.inputShape(0));
    int rows = to == Part.RIGHT ? depth : m;
    int cols = to == Part.LEFT ? depth : n;
    int sum = to == Part.LEFT ? n : to == Part.RIGHT ? m : depth;
    long members = f.examples() * f.outputShape().size() / ((long) m * n);
    Members batch = new Members(k, Math.toIntExact(members), 1);
    if (c.transposed()) {
      f.device()
          .kernels()
          .gemm()
          .multiply(cols, rows, sum, 1, b.t(), a.t(), beta, c.t(), null, batch);
    } else {
      f.device().kernels().gemm().multiply(rows, cols, sum, 1, a, b, beta, c, null, batch);
    }
  }

  @Override
  public boolean readsOutput() {
    return false;
  }

  @Override
  public void forward(Frame f) {
    Matrix a = part(f, Part.LEFT, f.x(0), false);
    Matrix b = part(f, Part.RIGHT, f.x(1), false);
    multiply(f, 1, a, b, 0, part(f, Part.PRODUCT, f.y(), false), Part.PRODUCT);
  }

  @Override
  public void backward(Frame f) {
    Matrix dy = part(f, Part.PRODUCT, f.dy(), false);
    if (f.active(0)) {
      Matrix b = part(f, Part.RIGHT, f.x(1), false);
      Matrix da = part(f, Part.LEFT, f.dx(0), false);
      multiply(f, 1, dy, b.t(), f.beta(0), da, Part.LEFT);
    }
    if (f.active(1)) {
      Matrix a = part(f, Part.LEFT, f.x(0), false);
      Matrix db = part(f, Part.RIGHT, f.dx(1), false);
      multiply(f, 1, a.t(), dy, f.beta(1), db, Part.RIGHT);
    }
  }

  @Override
  public void tangentForward(Frame f) {
    int k = f.directions();
    Matrix ry = part(f, Part.PRODUCT, f.ry(), true);
    if (f.active(0)) {
      Matrix ra = part(f, Part.LEFT, f.rx(0), true);
      Matrix b = part(f, Part.RIGHT, f.x(1), false);
      multiply(f, k, ra, b, 0, ry, Part.PRODUCT);
    }
    if (f.active(1)) {
      Matrix a = part(f, Part.LEFT, f.x(0), false);
      Matrix rb = part(f, Part.RIGHT, f.rx(1), true);
      multiply(f, k, a, rb, f.active(0) ? 1 : 0, ry, Part.PRODUCT);
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    int k = f.directions();
    Matrix dy = part(f, Part.PRODUCT, f.dy(), false);
    Matrix rdy = part(f, Part.PRODUCT, f.rdy(), true);
    boolean both = f.active(0) && f.active(1);
    if (f.active(0)) {
      Matrix rda = part(f, Part.LEFT, f.rdx(0), true);
      Matrix b = part(f, Part.RIGHT, f.x(1), false);
      multiply(f, k, rdy, b.t(), f.beta(0), rda, Part.LEFT);
      if (both) {
        Matrix rb = part(f, Part.RIGHT, f.rx(1), true);
        multiply(f, k, dy, rb.t(), 1, rda, Part.LEFT);
      }
    }
    if (f.active(1)) {
      Matrix rdb = part(f, Part.RIGHT, f.rdx(1), true);
      Matrix a = part(f, Part.LEFT, f.x(0), false);
      multiply(f, k, a.t(), rdy, f.beta(1), rdb, Part.RIGHT);
      if (both) {
        Matrix ra = part(f, Part.LEFT, f.rx(0), true);
        multiply(f, k, ra.t(), dy, 1, rdb, Part.RIGHT);
      }
    }
  }

  @Override
  public void curvature(Frame f) {
    if (f.active(0) && f.active(1)) {
      int k = f.directions();
      Matrix ra = part(f, Part.LEFT, f.rx(0), true);
      Matrix rb = part(f, Part.RIGHT, f.rx(1), true);
      multiply(f, k, ra, rb, 0, part(f, Part.PRODUCT, f.scratch(0), true), Part.PRODUCT);
      long n = f.examples() * f.outputShape().size();
      f.device()
          .kernels()
          .elementwise()
          .dots(k, n, 2, Strided.of(f.dy()), f.scratch(0), f.curvature());
    }
  }
}
