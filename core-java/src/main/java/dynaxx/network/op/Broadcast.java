package dynaxx.network.op;

import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Repeats a node along the axes that it lacks or has one element on, as NumPy and ONNX do: shapes
 * are compared from the last axis on.
 *
 * @param shape of the output
 */
public record Broadcast(Shape shape) implements Rearrangement {

  @Override
  public String name() {
    return "broadcast";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    boolean fits = x.rank() <= shape.rank();
    for (int a = 1; fits && a <= x.rank(); a++) {
      fits = x.dim(-a) == 1 || x.dim(-a) == shape.dim(-a);
    }
    Check.that(fits, this, 0, x, "one that repeats to " + shape);
    return shape;
  }

  @Override
  public Walk walk(List<Shape> inputs, int i) {
    Shape x = inputs.getFirst();
    int missing = shape.rank() - x.rank();
    List<Walk.Axis> walk = new ArrayList<>();
    for (int a = 0; a < shape.rank(); a++) {
      boolean repeats = a < missing || x.dim(a - missing) == 1;
      walk.add(new Walk.Axis(shape.dim(a), repeats ? 0 : x.stride(a - missing), shape.stride(a)));
    }
    return new Walk(walk, 0, 0);
  }

  /**
   * The shape that two shapes repeat to.
   *
   * @param what needs it, for the message
   * @param a a shape
   * @param b another one
   * @return the larger extent of each axis
   * @throws IllegalArgumentException naming both shapes, if an extent differs and neither is 1
   */
  public static Shape common(String what, Shape a, Shape b) {
    List<Integer> dims = new ArrayList<>();
    for (int axis = Math.max(a.rank(), b.rank()); axis > 0; axis--) {
      int left = axis <= a.rank() ? a.dim(-axis) : 1;
      int right = axis <= b.rank() ? b.dim(-axis) : 1;
      if (left != right && left != 1 && right != 1) {
        throw new IllegalArgumentException(
            what + ": found shapes " + a + " and " + b + ", expected equal extents or 1");
      }
      dims.add(left == 1 ? right : left);
    }
    return new Shape(dims);
  }
}
