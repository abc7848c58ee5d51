package dynaxx.network.op;

import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import java.util.List;

/**
 * Adds one learned array to every example.
 *
 * @param table as many values as an example has
 */
public record PositionEmbedding(Parameter table) implements JointlyLinear {

  @Override
  public String name() {
    return "position embedding";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(x.size() == table.size(), this, 0, x, "the size of table " + table.shape());
    return x;
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(table);
  }

  @Override
  public boolean passesAdjoint(int input) {
    return true;
  }

  @Override
  public void forward(Frame f) {
    f.device()
        .kernels()
        .rows()
        .addRow(1, f.examples(), table.size(), f.x(0), Strided.of(f.w(table)), f.y());
  }

  @Override
  public void backward(Frame f) {
    long n = table.size();
    f.device()
        .kernels()
        .rows()
        .addColumnSums(1, f.examples(), n, f.dy(), 0, n, Strided.of(f.dw(table)));
    if (f.active(0) && !f.passesOn(0)) {
      f.device().kernels().rows().copyRows(f.examples(), n, f.dy(), 0, n, f.dx(0), 0, n, f.adds(0));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    f.device()
        .kernels()
        .rows()
        .addRow(f.directions(), f.examples(), table.size(), f.rx(0), f.rw(table), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    long n = table.size();
    int k = f.directions();
    f.device()
        .kernels()
        .rows()
        .addColumnSums(k, f.examples(), n, f.rdy(), f.examples() * n, n, f.rdw(table));
    if (f.active(0) && !f.passesOn(0)) {
      long rows = (long) k * f.examples();
      f.device().kernels().rows().copyRows(rows, n, f.rdy(), 0, n, f.rdx(0), 0, n, f.adds(0));
    }
  }
}
