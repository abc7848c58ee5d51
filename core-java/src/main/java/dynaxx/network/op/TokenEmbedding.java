package dynaxx.network.op;

import dynaxx.kernel.GatherKernels;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import java.util.List;

/**
 * Looks up a row of a table for each token number: {@code [tokens]} becomes {@code [tokens x
 * width]}. Token numbers are data: whole numbers held as float32, which is exact up to 2^24.
 *
 * @param table vocabulary x width, in reading order; at most 2^24 rows
 * @param first where the token numbers begin in an example, behind other data
 * @param count how many there are; -1 for all up to the end
 */
public record TokenEmbedding(Operand table, int first, int count) implements JointlyLinear {

  /**
   * Token numbers only.
   *
   * @param table vocabulary x width, in reading order
   */
  public TokenEmbedding(Operand table) {
    this(table, 0, -1);
  }

  /**
   * A whole parameter.
   *
   * @param table vocabulary x width
   */
  public TokenEmbedding(Parameter table) {
    this(Operand.of(table));
  }

  @Override
  public String name() {
    return "token embedding";
  }

  private Operands operands() {
    return new Operands(table, null);
  }

  private static GatherKernels kernels(Frame f) {
    return f.device().kernels().gathers();
  }

  private int vocabulary() {
    return table.shape().dim(0);
  }

  private int width() {
    return table.shape().dim(1);
  }

  @Override
  public boolean takesData() {
    return true;
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    boolean fits = table.shape().rank() == 2 && table.rowMajor();
    if (!fits || vocabulary() > Constant.LARGEST_WHOLE) {
      throw new IllegalArgumentException(
          "%s: %s, expected [vocabulary x width] in reading order with at most %d rows"
              .formatted(name(), table, Constant.LARGEST_WHOLE));
    }
    Check.that(x.rank() == 1, this, 0, x, "[tokens]");
    Check.that(first >= 0 && first + tokens(x) <= x.size(), this, 0, x, first + " + " + count);
    return Shape.of(Math.toIntExact(tokens(x)), width());
  }

  private long tokens(Shape x) {
    return count < 0 ? x.size() - first : count;
  }

  private boolean all(Shape x) {
    return first == 0 && tokens(x) == x.size();
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    Shape x = inputs.getFirst();
    return all(x) ? Workspace.NONE : Workspace.saved(tokens(x));
  }

  /** The token numbers without what else an example holds. */
  private Buffer ids(Frame f) {
    return all(f.inputShape(0)) ? f.x(0) : f.saved(0);
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
  public void checkData(HostBuffer inputs, Shape shape) {
    int vocabulary = vocabulary();
    long each = shape.size();
    long end = first + tokens(shape);
    for (long i = 0; i < inputs.size(); i++) {
      float id = inputs.get(i);
      boolean token = i % each >= first && i % each < end;
      if (token && !(id >= 0 && id < vocabulary && id == Math.rint(id))) {
        throw new IllegalArgumentException(
            "inputs: found "
                + id
                + " at "
                + i
                + ", expected a token from 0 to "
                + (vocabulary - 1));
      }
    }
  }

  private long rows(Frame f) {
    return f.examples() * tokens(f.inputShape(0));
  }

  @Override
  public boolean readsInput(int input) {
    return true;
  }

  @Override
  public void forward(Frame f) {
    Shape x = f.inputShape(0);
    if (!all(x)) {
      f.device()
          .kernels()
          .rows()
          .copyRows(
              f.examples(), tokens(x), f.x(0), first, x.size(), f.saved(0), 0, tokens(x), false);
    }
    kernels(f).gather(1, rows(f), width(), ids(f), operands().w(f), f.y());
  }

  @Override
  public void backward(Frame f) {
    if (operands().trained()) {
      kernels(f).scatterAdd(1, rows(f), width(), ids(f), f.dy(), operands().dw(f));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    kernels(f).gather(f.directions(), rows(f), width(), ids(f), operands().rw(f), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    kernels(f).scatterAdd(f.directions(), rows(f), width(), ids(f), f.rdy(), operands().rdw(f));
  }
}
