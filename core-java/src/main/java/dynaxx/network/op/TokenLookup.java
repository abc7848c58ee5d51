package dynaxx.network.op;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Strided;
import dynaxx.network.Frame;
import dynaxx.network.Shape;
import java.util.List;

/**
 * Looks up a row of a constant table for each token number: {@link TokenEmbedding} for a table that
 * does not train.
 */
public final class TokenLookup implements JointlyLinear {

  private final int rows;
  private final int width;
  private final float[] table;

  private TokenLookup(int rows, int width, float[] table) {
    this.rows = rows;
    this.width = width;
    this.table = table;
  }

  /**
   * A table.
   *
   * @param rows vocabulary, at most 2^24
   * @param width values of a token
   * @param table rows x width, row-major; copied
   * @return the op
   */
  public static TokenLookup of(int rows, int width, float... table) {
    Shape.requireSize("table", table.length, (long) rows * width);
    if (rows > Constant.LARGEST_WHOLE) {
      throw new IllegalArgumentException(
          "table: found " + rows + " rows, expected at most " + Constant.LARGEST_WHOLE);
    }
    return new TokenLookup(rows, width, table.clone());
  }

  public int width() {
    return width;
  }

  public float value(int row, int column) {
    return table[row * width + column];
  }

  @Override
  public String name() {
    return "token lookup";
  }

  @Override
  public boolean takesData() {
    return true;
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(x.rank() == 1, this, 0, x, "[tokens]");
    return Shape.of(x.dim(0), width);
  }

  @Override
  public List<float[]> constants() {
    return List.of(table);
  }

  @Override
  public void checkData(HostBuffer inputs) {
    TokenEmbedding.checkTokens(inputs, rows);
  }

  @Override
  public void forward(Frame f) {
    long tokens = f.examples() * f.inputShape(0).size();
    f.device()
        .kernels()
        .gathers()
        .gather(1, tokens, width, f.x(0), Strided.of(f.constant(0)), f.y());
  }

  @Override
  public void backward(Frame f) {
    // Its input is data and its table is constant.
  }

  @Override
  public void tangentForward(Frame f) {
    throw new IllegalStateException("token lookup: found a tangent, expected data as input");
  }

  @Override
  public void tangentBackward(Frame f) {
    throw new IllegalStateException("token lookup: found a tangent, expected data as input");
  }

  @Override
  public String toString() {
    return "TokenLookup[" + rows + " x " + width + "]";
  }
}
