package dynaxx.network.op;

import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import java.util.List;

/** Shape checks with one form of message. */
final class Check {

  private Check() {}

  static void inputs(Op op, List<Shape> inputs, int expected) {
    if (inputs.size() != expected) {
      throw new IllegalArgumentException(
          op.name() + ": found " + inputs.size() + " inputs, expected " + expected);
    }
  }

  static void that(boolean fits, Op op, int input, Shape found, String expected) {
    if (!fits) {
      throw new IllegalArgumentException(
          op.name() + ": input " + input + " has shape " + found + ", expected " + expected);
    }
  }

  /** Two inputs of one shape, and that shape. */
  static Shape same(Op op, List<Shape> inputs) {
    inputs(op, inputs, 2);
    Shape first = inputs.getFirst();
    that(inputs.get(1).equals(first), op, 1, inputs.get(1), "that of input 0, " + first);
    return first;
  }

  /** An axis of input 0 counted from 0. */
  static int axis(Op op, Shape found, int axis) {
    boolean inside = axis >= -found.rank() && axis < found.rank();
    that(inside, op, 0, found, "an axis " + axis);
    return axis < 0 ? axis + found.rank() : axis;
  }

  static void parameter(boolean fits, Op op, Parameter found, String expected) {
    if (!fits) {
      throw new IllegalArgumentException(
          op.name()
              + ": parameter '"
              + found.name()
              + "' has shape "
              + found.shape()
              + ", expected "
              + expected);
    }
  }
}
