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
import java.util.ArrayList;
import java.util.List;

/**
 * {@code y = x M + b} on the last axis, where M and b are parts of parameters or constants: {@link
 * Linear} for weights that are stored in x out, that are some rows or columns of a larger
 * parameter, or that do not train.
 *
 * @param matrix in x out
 * @param shift 1 x out, or null for none; constant if the matrix is
 */
public record Projection(Factor matrix, Factor shift) implements Op {

  /** An in x out matrix. */
  public sealed interface Factor {

    /**
     * Rows of the matrix.
     *
     * @return the extent of x's last axis
     */
    int in();

    /**
     * Columns of the matrix.
     *
     * @return the extent of y's last axis
     */
    int out();
  }

  /**
   * Part of a parameter: element (i, o) is at {@code offset + i stride + o}, or at {@code offset +
   * o stride + i} if transposed.
   *
   * @param parameter that holds it
   * @param offset of the first element
   * @param in rows
   * @param out columns
   * @param stride values from row to row, or from column to column if transposed
   * @param transposed whether columns lie together
   */
  public record Part(
      Parameter parameter, long offset, int in, int out, long stride, boolean transposed)
      implements Factor {

    /**
     * Checks that it lies within the parameter.
     *
     * @param parameter that holds it
     * @param offset of the first element
     * @param in rows
     * @param out columns
     * @param stride from row to row, or from column to column
     * @param transposed whether columns lie together
     */
    public Part {
      int lines = transposed ? out : in;
      int length = transposed ? in : out;
      boolean fits = in > 0 && out > 0 && offset >= 0 && (lines == 1 || stride >= length);
      if (!fits || offset + (lines - 1) * stride + length > parameter.size()) {
        throw new IllegalArgumentException(
            "part of parameter '%s': found offset %d, %d x %d, stride %d, expected one within %s"
                .formatted(parameter.name(), offset, in, out, stride, parameter.shape()));
      }
    }

    private long ld() {
      return Math.max(stride, transposed ? in : out);
    }

    /** As it is stored: out x in if transposed. */
    private Matrix stored(Buffer values) {
      return Matrix.of(values, ld()).at(offset);
    }

    private Matrix stored(Strided runs) {
      return Matrix.of(runs, ld()).at(offset);
    }

    private Matrix matrix(Matrix stored) {
      return transposed ? stored.t() : stored;
    }

    private Strided vector(Strided runs) {
      return new Strided(runs.buffer(), runs.offset() + offset, runs.stride());
    }
  }

  /** A constant matrix. */
  public static final class Fixed implements Factor {
    private final int in;
    private final int out;
    private final float[] values;

    private Fixed(int in, int out, float[] values) {
      this.in = in;
      this.out = out;
      this.values = values;
    }

    /**
     * A constant matrix.
     *
     * @param in rows
     * @param out columns
     * @param values in x out, row-major; copied
     * @return the matrix
     */
    public static Fixed of(int in, int out, float... values) {
      Shape.requireSize("values", values.length, (long) in * out);
      return new Fixed(in, out, values.clone());
    }

    @Override
    public int in() {
      return in;
    }

    @Override
    public int out() {
      return out;
    }

    /** Element number i, row-major. */
    public float value(int i) {
      return values[i];
    }

    @Override
    public String toString() {
      return "Fixed[" + in + " x " + out + "]";
    }
  }

  /**
   * Checks that matrix and shift go together.
   *
   * @param matrix in x out
   * @param shift 1 x out, or null
   */
  public Projection {
    boolean fits = shift == null || shift.in() == 1 && shift.out() == matrix.out();
    if (!fits || matrix instanceof Fixed && shift instanceof Part) {
      throw new IllegalArgumentException(
          "projection: found matrix "
              + matrix
              + " and shift "
              + shift
              + ", expected 1 x out, and"
              + " a constant shift for a constant matrix");
    }
  }

  @Override
  public String name() {
    return "projection";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    boolean fits = x.rank() > 0 && x.dim(-1) == matrix.in();
    Check.that(fits, this, 0, x, "a last extent of " + matrix.in());
    return x.withLast(matrix.out());
  }

  @Override
  public List<Parameter> parameters() {
    List<Parameter> used = new ArrayList<>();
    for (Factor factor : new Factor[] {matrix, shift}) {
      if (factor instanceof Part p && !used.contains(p.parameter())) {
        used.add(p.parameter());
      }
    }
    return used;
  }

  @Override
  public List<float[]> constants() {
    List<float[]> constants = new ArrayList<>();
    for (Factor factor : new Factor[] {matrix, shift}) {
      if (factor instanceof Fixed c) {
        constants.add(c.values);
      }
    }
    return constants;
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return matrix instanceof Part ? Workspace.scratch(inputs.getFirst().size()) : Workspace.NONE;
  }

  private int in() {
    return matrix.in();
  }

  private int out() {
    return matrix.out();
  }

  private static int rows(Frame f) {
    return Math.toIntExact(f.examples() * f.inputShape(0).rows());
  }

  private Matrix primal(Frame f) {
    return switch (matrix) {
      case Part p -> p.matrix(p.stored(f.w(p.parameter())));
      case Fixed c -> Matrix.of(f.constant(0), c.out());
    };
  }

  private Strided primalShift(Frame f) {
    return switch (shift) {
      case null -> null;
      case Part p -> p.vector(Strided.of(f.w(p.parameter())));
      case Fixed c -> Strided.of(f.constant(matrix instanceof Fixed ? 1 : 0));
    };
  }

  @Override
  public void forward(Frame f) {
    Matrix x = Matrix.of(f.x(0), in());
    Matrix y = Matrix.of(f.y(), out());
    Strided b = primalShift(f);
    f.device()
        .kernels()
        .gemm()
        .multiply(rows(f), out(), in(), 1, x, primal(f), 0, y, b, Members.ONE);
  }

  @Override
  public void backward(Frame f) {
    int rows = rows(f);
    Matrix dy = Matrix.of(f.dy(), out());
    if (f.active(0)) {
      Matrix dx = Matrix.of(f.dx(0), in());
      f.device().kernels().gemm().multiply(rows, in(), out(), 1, dy, primal(f).t(), f.beta(0), dx);
    }
    if (matrix instanceof Part p) {
      addOuter(f, p, 1, Matrix.of(f.x(0), in()), dy, p.stored(f.dw(p.parameter())));
    }
    if (shift instanceof Part p) {
      Strided to = p.vector(Strided.of(f.dw(p.parameter())));
      f.device().kernels().rows().addColumnSums(1, rows, out(), f.dy(), 0, out(), to);
    }
  }

  /** {@code M += x' dy} for k pairs, in the order that M is stored in. */
  private void addOuter(Frame f, Part p, int k, Matrix x, Matrix dy, Matrix stored) {
    Members batch = k == 1 ? Members.ONE : Members.of(k);
    int rows = rows(f);
    if (p.transposed()) {
      f.device().kernels().gemm().multiply(out(), in(), rows, 1, dy.t(), x, 1, stored, null, batch);
    } else {
      f.device().kernels().gemm().multiply(in(), out(), rows, 1, x.t(), dy, 1, stored, null, batch);
    }
  }

  @Override
  public void tangentForward(Frame f) {
    Device device = f.device();
    int rows = rows(f);
    int k = f.directions();
    if (f.active(0)) {
      Matrix rx = Matrix.of(f.rx(0), in());
      Matrix ry = Matrix.of(f.ry(), out());
      device
          .kernels()
          .gemm()
          .multiply(Math.multiplyExact(k, rows), out(), in(), 1, rx, primal(f), 0, ry);
    }
    if (matrix instanceof Part p) {
      Matrix v = p.matrix(p.stored(f.rw(p.parameter())));
      Strided b = shift instanceof Part s ? s.vector(f.rw(s.parameter())) : null;
      Matrix x = Matrix.of(f.x(0), in());
      Matrix ry = each(f.ry(), rows, out());
      device
          .kernels()
          .gemm()
          .multiply(rows, out(), in(), 1, x, v, f.active(0) ? 1 : 0, ry, b, Members.of(k));
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    Device device = f.device();
    int rows = rows(f);
    int k = f.directions();
    Matrix dy = Matrix.of(f.dy(), out());
    if (f.active(0)) {
      Matrix rdy = Matrix.of(f.rdy(), out());
      Matrix rdx = Matrix.of(f.rdx(0), in());
      device
          .kernels()
          .gemm()
          .multiply(
              Math.multiplyExact(k, rows), in(), out(), 1, rdy, primal(f).t(), f.beta(0), rdx);
    }
    if (matrix instanceof Part p) {
      Matrix to = p.stored(f.rdw(p.parameter()));
      addOuter(f, p, k, Matrix.of(f.x(0), in()), each(f.rdy(), rows, out()), to);
      if (f.active(0)) {
        addOuter(f, p, k, each(f.rx(0), rows, in()), dy, to);
        Matrix v = p.matrix(p.stored(f.rw(p.parameter())));
        Matrix rdx = each(f.rdx(0), rows, in());
        device
            .kernels()
            .gemm()
            .multiply(rows, in(), out(), 1, dy, v.t(), 1, rdx, null, Members.of(k));
      }
    }
    if (shift instanceof Part p) {
      Strided to = p.vector(f.rdw(p.parameter()));
      device
          .kernels()
          .rows()
          .addColumnSums(k, rows, out(), f.rdy(), (long) rows * out(), out(), to);
    }
  }

  @Override
  public void curvature(Frame f) {
    if (f.active(0) && matrix instanceof Part p) {
      int rows = rows(f);
      int k = f.directions();
      long size = (long) rows * in();
      Matrix v = p.matrix(p.stored(f.rw(p.parameter())));
      Matrix dy = Matrix.of(f.dy(), out());
      Matrix to = each(f.scratch(0), rows, in());
      f.device()
          .kernels()
          .gemm()
          .multiply(rows, in(), out(), 1, dy, v.t(), 0, to, null, Members.of(k));
      f.device()
          .kernels()
          .elementwise()
          .dots(k, size, 2, new Strided(f.rx(0), 0, size), f.scratch(0), f.curvature());
    }
  }

  private static Matrix each(Buffer buffer, int rows, int cols) {
    return Matrix.of(buffer, cols).batch((long) rows * cols, 0, 0);
  }
}
