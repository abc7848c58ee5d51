package dynaxx.network.op;

import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import java.util.List;

/**
 * A parameter as a node: an op without inputs that gives the parameter's values for every example,
 * so that any op can take them.
 *
 * @param parameter whose values
 * @param shape how they are seen; as many values as the parameter has
 */
public record ParameterValue(Parameter parameter, Shape shape) implements JointlyLinear {

  /**
   * A parameter in its own shape.
   *
   * @param parameter whose values
   */
  public ParameterValue(Parameter parameter) {
    this(parameter, parameter.shape());
  }

  @Override
  public String name() {
    return "parameter value";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 0);
    Check.parameter(
        parameter.size() == shape.size(), this, parameter, "as many values as " + shape);
    return shape;
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(parameter);
  }

  @Override
  public void forward(Frame f) {
    Strided w = Strided.of(f.w(parameter));
    f.device().kernels().rows().addRow(1, f.examples(), parameter.size(), null, w, f.y());
  }

  @Override
  public void backward(Frame f) {
    long n = parameter.size();
    f.device()
        .kernels()
        .rows()
        .addColumnSums(1, f.examples(), n, f.dy(), 0, n, Strided.of(f.dw(parameter)));
  }

  @Override
  public void tangentForward(Frame f) {
    int k = f.directions();
    f.device()
        .kernels()
        .rows()
        .addRow(k, f.examples(), parameter.size(), null, f.rw(parameter), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    long n = parameter.size();
    long each = f.examples() * n;
    f.device()
        .kernels()
        .rows()
        .addColumnSums(f.directions(), f.examples(), n, f.rdy(), each, n, f.rdw(parameter));
  }
}
