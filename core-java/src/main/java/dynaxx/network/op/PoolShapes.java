package dynaxx.network.op;

import dynaxx.kernel.PoolKernels.Pooling;
import dynaxx.kernel.Windows.Adaptive;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.layer.Shape;
import dynaxx.network.op.PoolWindow.Even;
import dynaxx.network.op.PoolWindow.Moving;
import java.util.List;

/** The windows of pooling ops on images of a given shape. */
final class PoolShapes {

  private PoolShapes() {}

  /** Windows of the frame's images, for as many directions. */
  static Pooling of(PoolWindow window, Frame f, int directions) {
    return of(window, f.inputShape(0), (long) directions * f.examples());
  }

  private static Pooling of(PoolWindow window, Shape x, long images) {
    long planes = images * x.dim(0);
    return switch (window) {
      case Moving m -> {
        Padding p = m.padding();
        yield new Pooling(
            planes,
            new Sliding(x.dim(1), m.height(), m.strideY(), p.top(), p.bottom(), 1),
            new Sliding(x.dim(2), m.width(), m.strideX(), p.left(), p.right(), 1));
      }
      case Even e ->
          new Pooling(
              planes, new Adaptive(x.dim(1), e.rows()), new Adaptive(x.dim(2), e.columns()));
    };
  }

  /** Checks an op's input. */
  static Shape outputShape(Op op, PoolWindow window, List<Shape> inputs) {
    Check.inputs(op, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(x.rank() == 3, op, 0, x, "[channels x height x width]");
    if (window instanceof Moving m) {
      boolean fits =
          x.dim(1) + m.padding().top() + m.padding().bottom() >= m.height()
              && x.dim(2) + m.padding().left() + m.padding().right() >= m.width();
      String least = "a padded extent of at least a window of %d x %d";
      Check.that(fits, op, 0, x, least.formatted(m.height(), m.width()));
    }
    Pooling s = of(window, x, 1);
    return Shape.of(x.dim(0), s.y().count(), s.x().count());
  }
}
