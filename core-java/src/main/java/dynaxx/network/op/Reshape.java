package dynaxx.network.op;

import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import java.util.List;

/**
 * The same values in the same order under another shape.
 *
 * @param shape of the output, as many values as the input has
 */
public record Reshape(Shape shape) implements Rearrangement {

  @Override
  public String name() {
    return "reshape";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(x.size() == shape.size(), this, 0, x, "as many values as " + shape);
    return shape;
  }

  @Override
  public Walk walk(List<Shape> inputs, int i) {
    return new Walk(List.of(new Walk.Axis(shape.size(), 1, 1)), 0, 0);
  }
}
