package dynaxx.network.op;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Strided;
import dynaxx.network.Frame;
import dynaxx.network.Parameter;
import dynaxx.network.Shape;
import java.util.List;

/**
 * Looks up a row of a table for each token number: {@code [tokens]} becomes {@code [tokens x
 * width]}. Token numbers are data: whole numbers held as float32, which is exact up to 2^24.
 *
 * @param table vocabulary x width
 */
public record TokenEmbedding(Parameter table) implements JointlyLinear {

  private static final int LARGEST_VOCABULARY = 1 << 24;

  @Override
  public String name() {
    return "token embedding";
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
    Check.parameter(
        table.shape().rank() == 2 && vocabulary() <= LARGEST_VOCABULARY,
        this,
        table,
        "[vocabulary x width] with at most " + LARGEST_VOCABULARY + " rows");
    Check.that(x.rank() == 1, this, 0, x, "[tokens]");
    return Shape.of(x.dim(0), width());
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(table);
  }

  @Override
  public void checkData(HostBuffer inputs) {
    checkTokens(inputs, vocabulary());
  }

  static void checkTokens(HostBuffer inputs, int vocabulary) {
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
    f.device()
        .kernels()
        .gathers()
        .gather(1, rows(f), width(), f.x(0), Strided.of(f.w(table)), f.y());
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .gathers()
        .scatterAdd(1, rows(f), width(), f.x(0), f.dy(), Strided.of(f.dw(table)));
  }

  @Override
  public void tangentForward(Frame f) {
    f.device()
        .kernels()
        .gathers()
        .gather(f.directions(), rows(f), width(), f.x(0), f.rw(table), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    f.device()
        .kernels()
        .gathers()
        .scatterAdd(f.directions(), rows(f), width(), f.x(0), f.rdy(), f.rdw(table));
  }
}
