package dynaxx.onnx;

import dynaxx.layer.Shape;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Operand;
import java.util.List;

/** Products of one axis with a constant matrix. */
final class Linears {

  private Linears() {}

  /**
   * Row r of the result along the axis is the sum of the axis' positions times row r of the matrix.
   *
   * @param x floats, or whole numbers for a matrix of whole numbers
   * @param matrix rows x extent of the axis, row-major
   */
  static Value along(Call c, Value x, int axis, float[] matrix, int rows) {
    c.examples().requireOther(x, axis, "a combination of positions");
    int cols = Math.toIntExact(x.dims()[axis]);
    Draft draft = c.draft();
    Operand weight = Operand.of(Shape.of(rows, cols), matrix);
    Expr last = draft.axisToLast(draft.numbers(x.body()), x.at(axis));
    Expr y = draft.lastToAxis(draft.op(new Linear(weight, null), last), x.at(axis));
    boolean whole = Elementwise.isWhole(x.body());
    return x.with(whole ? new Whole(y, Elementwise.wholeType(List.of(x.body()))) : y);
  }

  /** Elements of a matrix, if they may be made. */
  static int requireSize(long rows, long cols) {
    if (rows * cols > Tensor.LARGEST) {
      throw new OnnxException(
          "found a matrix of " + rows + " x " + cols + ", expected at most " + Tensor.LARGEST);
    }
    return (int) (rows * cols);
  }
}
