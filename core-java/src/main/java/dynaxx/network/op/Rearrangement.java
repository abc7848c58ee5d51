package dynaxx.network.op;

import dynaxx.device.Device;
import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/**
 * An op without parameters whose output consists of elements of its inputs, or of sums of them,
 * each input going its own {@link Walk}. The adjoint goes the transposed walk.
 */
interface Rearrangement extends JointlyLinear {

  /** Where the elements of input i of one example go; no two inputs reach the same place. */
  Walk walk(List<Shape> inputs, int i);

  /** Factor of the sums. */
  default double scale(List<Shape> inputs) {
    return 1;
  }

  /** What stands where no input reaches. */
  default double padding() {
    return 0;
  }

  @Override
  default void forward(Frame f) {
    Buffer[] x = new Buffer[f.inputCount()];
    for (int i = 0; i < x.length; i++) {
      x[i] = f.x(i);
    }
    gather(f, 1, x, f.y(), padding());
  }

  @Override
  default void tangentForward(Frame f) {
    Buffer[] rx = new Buffer[f.inputCount()];
    for (int i = 0; i < rx.length; i++) {
      rx[i] = f.active(i) ? f.rx(i) : null;
    }
    gather(f, f.directions(), rx, f.ry(), 0);
  }

  /** Inputs that are null are zero. */
  private void gather(Frame f, int k, Buffer[] from, Buffer to, double padding) {
    List<Shape> shapes = shapes(f);
    long copies = (long) k * f.examples();
    long out = f.outputShape().size();
    long reached = 0;
    for (int i = 0; i < from.length; i++) {
      reached += from[i] == null ? 0 : walk(shapes, i).reached();
    }
    if (reached < out) {
      f.device().algebra().fill(to.slice(0, copies * out), padding);
    }
    for (int i = 0; i < from.length; i++) {
      if (from[i] != null) {
        Walk walk = walk(shapes, i).repeated(copies, shapes.get(i).size(), out);
        f.device().kernels().strides().rearrange(walk, scale(shapes), from[i], to, false);
      }
    }
  }

  @Override
  default void backward(Frame f) {
    for (int i = 0; i < f.inputCount(); i++) {
      if (f.active(i)) {
        scatter(f, 1, i, f.dy(), f.dx(i));
      }
    }
  }

  @Override
  default void tangentBackward(Frame f) {
    for (int i = 0; i < f.inputCount(); i++) {
      if (f.active(i)) {
        scatter(f, f.directions(), i, f.rdy(), f.rdx(i));
      }
    }
  }

  private void scatter(Frame f, int k, int i, Buffer from, Buffer to) {
    List<Shape> shapes = shapes(f);
    Device device = f.device();
    long copies = (long) k * f.examples();
    long in = shapes.get(i).size();
    Walk walk = walk(shapes, i).transposed();
    boolean add = f.adds(i);
    if (!add && walk.reached() < in) {
      device.algebra().fill(to.slice(0, copies * in), 0);
    }
    walk = walk.repeated(copies, f.outputShape().size(), in);
    device.kernels().strides().rearrange(walk, scale(shapes), from, to, add);
  }

  private static List<Shape> shapes(Frame f) {
    List<Shape> shapes = new ArrayList<>();
    for (int i = 0; i < f.inputCount(); i++) {
      shapes.add(f.inputShape(i));
    }
    return shapes;
  }
}
