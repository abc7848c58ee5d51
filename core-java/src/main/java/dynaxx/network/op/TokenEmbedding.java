package dynaxx.network.op;

import dynaxx.kernel.GatherKernels;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import java.util.List;

/**
 * Looks up a row of a table for each token number: {@code [tokens]} becomes {@code [tokens x
 * width]}. Token numbers are data: whole numbers held as float32, which is exact up to 2^24.
 *
 * @param table vocabulary x width, in reading order; at most 2^24 rows
 */
public record TokenEmbedding(Operand table) implements JointlyLinear {

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
    return Shape.of(x.dim(0), width());
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
  public void checkData(HostBuffer inputs) {
    int vocabulary = vocabulary();
    for (long i = 0; i < inputs.size(); i++) {
      float id = inputs.get(i);
      if (!(id >= 0 && id < vocabulary && id == Math.rint(id))) {
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

  private static long rows(Frame f) {
    return f.examples() * f.inputShape(0).size();
  }

  @Override
  public void forward(Frame f) {
    kernels(f).gather(1, rows(f), width(), f.x(0), operands().w(f), f.y());
  }

  @Override
  public void backward(Frame f) {
    if (operands().trained()) {
      kernels(f).scatterAdd(1, rows(f), width(), f.x(0), f.dy(), operands().dw(f));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    kernels(f).gather(f.directions(), rows(f), width(), f.x(0), operands().rw(f), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    kernels(f).scatterAdd(f.directions(), rows(f), width(), f.x(0), f.rdy(), operands().rdw(f));
  }
}
