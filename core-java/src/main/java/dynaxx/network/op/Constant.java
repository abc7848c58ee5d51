package dynaxx.network.op;

import dynaxx.layer.Shape;
import java.util.List;

/**
 * A constant array as a node: an op without inputs that gives the same values for every example. It
 * has no adjoint and no tangent.
 */
public final class Constant implements JointlyLinear {

  /** Whole numbers up to this one are exact in float32. */
  static final int LARGEST_WHOLE = 1 << 24;

  private final Shape shape;
  private final float[] values;

  private Constant(Shape shape, float[] values) {
    this.shape = shape;
    this.values = values;
  }

  /**
   * An array.
   *
   * @param shape its shape
   * @param values row-major; copied
   * @return the op
   * @throws IllegalArgumentException if there are not as many values as the shape has
   */
  public static Constant of(Shape shape, float... values) {
    Shape.requireSize("values", values.length, shape.size());
    return new Constant(shape, values.clone());
  }

  /**
   * One value everywhere.
   *
   * @param shape its shape
   * @param value the value
   * @return the op
   */
  public static Constant filled(Shape shape, float value) {
    return new Constant(shape, new float[] {value});
  }

  /** Value number i of an example. */
  public float value(int i) {
    return values[values.length == 1 ? 0 : i];
  }

  @Override
  public String name() {
    return "constant";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 0);
    return shape;
  }

  @Override
  public List<float[]> constants() {
    return values.length == 1 ? List.of() : List.of(values);
  }

  @Override
  public void forward(Frame f) {
    long n = shape.size();
    if (values.length == 1) {
      f.device().algebra().fill(f.y().slice(0, f.examples() * n), values[0]);
      return;
    }
    f.device().kernels().rows().copyRows(f.examples(), n, f.constant(0), 0, 0, f.y(), 0, n, false);
  }

  @Override
  public void backward(Frame f) {}

  @Override
  public void tangentForward(Frame f) {}

  @Override
  public void tangentBackward(Frame f) {}

  @Override
  public String toString() {
    return "Constant[" + shape + "]";
  }
}
