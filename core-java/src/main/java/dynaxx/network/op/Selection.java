package dynaxx.network.op;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.function.Consumer;

/**
 * An op that takes each element from one of two inputs. Where it takes it from does not depend on
 * directions, so it is linear almost everywhere.
 */
interface Selection extends JointlyLinear {

  /** Hands over the mask, which covers as many values as {@link #masked} says. */
  void withMask(Frame f, Consumer<Buffer> kernels);

  /** Values that the mask covers: those of one example, or of all of them. */
  long masked(Frame f);

  /** How many times the mask repeats over k directions. */
  private int copies(Frame f, int k) {
    return Math.toIntExact(k * f.examples() * f.outputShape().size() / masked(f));
  }

  @Override
  default Shape outputShape(java.util.List<Shape> inputs) {
    return Check.same(this, inputs);
  }

  @Override
  default void forward(Frame f) {
    take(f, 1, f.x(0), f.x(1), f.y());
  }

  @Override
  default void tangentForward(Frame f) {
    Buffer a = f.active(0) ? f.rx(0) : null;
    Buffer b = f.active(1) ? f.rx(1) : null;
    take(f, f.directions(), a, b, f.ry());
  }

  private void take(Frame f, int k, Buffer a, Buffer b, Buffer y) {
    withMask(
        f, m -> f.device().kernels().strides().select(copies(f, k), masked(f), m, a, b, y, false));
  }

  @Override
  default void backward(Frame f) {
    Buffer a = f.active(0) ? f.dx(0) : null;
    Buffer b = f.active(1) ? f.dx(1) : null;
    give(f, 1, f.dy(), a, b);
  }

  @Override
  default void tangentBackward(Frame f) {
    Buffer a = f.active(0) ? f.rdx(0) : null;
    Buffer b = f.active(1) ? f.rdx(1) : null;
    give(f, f.directions(), f.rdy(), a, b);
  }

  private void give(Frame f, int k, Buffer dy, Buffer a, Buffer b) {
    int copies = copies(f, k);
    long n = masked(f);
    withMask(
        f,
        m -> {
          if (a != null) {
            f.device().kernels().strides().select(copies, n, m, dy, null, a, f.adds(0));
          }
          if (b != null) {
            f.device().kernels().strides().select(copies, n, m, null, dy, b, f.adds(1));
          }
        });
  }
}
