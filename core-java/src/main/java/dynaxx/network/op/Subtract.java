package dynaxx.network.op;

import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/** Difference of two inputs of one shape. */
public record Subtract() implements JointlyLinear {

  @Override
  public String name() {
    return "subtract";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    return Check.same(this, inputs);
  }

  @Override
  public boolean passesAdjoint(int input) {
    return input == 0;
  }

  @Override
  public void forward(Frame f) {
    difference(f, 1, f.x(0), f.x(1), f.y());
  }

  @Override
  public void backward(Frame f) {
    spread(f, 1, f.dy(), f.active(0) ? f.dx(0) : null, f.active(1) ? f.dx(1) : null);
  }

  @Override
  public void tangentForward(Frame f) {
    Buffer a = f.active(0) ? f.rx(0) : null;
    Buffer b = f.active(1) ? f.rx(1) : null;
    difference(f, f.directions(), a, b, f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    Buffer a = f.active(0) ? f.rdx(0) : null;
    Buffer b = f.active(1) ? f.rdx(1) : null;
    spread(f, f.directions(), f.rdy(), a, b);
  }

  /** Inputs that are null are zero. */
  private static void difference(Frame f, int k, Buffer a, Buffer b, Buffer y) {
    long n = k * f.examples() * f.outputShape().size();
    Device device = f.device();
    if (a != null) {
      Copies.copy(f, k, a, y, false);
    }
    if (b != null) {
      device.algebra().axpby(-1, b.slice(0, n), a == null ? 0 : 1, y.slice(0, n));
    }
  }

  private static void spread(Frame f, int k, Buffer dy, Buffer da, Buffer db) {
    long n = k * f.examples() * f.outputShape().size();
    if (da != null && !f.passesOn(0)) {
      Copies.copy(f, k, dy, da, f.adds(0));
    }
    if (db != null) {
      f.device().algebra().axpby(-1, dy.slice(0, n), f.beta(1), db.slice(0, n));
    }
  }
}
