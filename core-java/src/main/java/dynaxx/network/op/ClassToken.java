package dynaxx.network.op;

import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Puts a learned token before the others: {@code [tokens x width]} becomes {@code [tokens + 1 x
 * width]} (Dosovitskiy et al., 2020).
 *
 * @param token width values
 */
public record ClassToken(Parameter token) implements JointlyLinear {

  @Override
  public String name() {
    return "class token";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(
        x.rank() == 2 && x.dim(1) == token.size(), this, 0, x, "[tokens x " + token.size() + "]");
    return Shape.of(x.dim(0) + 1, x.dim(1));
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(token);
  }

  @Override
  public void forward(Frame f) {
    long width = token.size();
    f.device()
        .kernels()
        .rows()
        .copyRows(f.examples(), width, f.w(token), 0, 0, f.y(), 0, out(f), false);
    shift(f, 1, f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .rows()
        .addColumnSums(1, f.examples(), token.size(), f.dy(), 0, out(f), Strided.of(f.dw(token)));
    if (f.active(0)) {
      unshift(f, 1, f.dy(), f.dx(0));
    }
  }

  @Override
  public void tangentForward(Frame f) {
    long width = token.size();
    Strided r = f.rw(token);
    if (!f.active(0)) {
      f.device().algebra().fill(f.ry().slice(0, f.directions() * f.examples() * out(f)), 0);
    }
    for (int i = 0; i < f.directions(); i++) {
      long from = r.offset() + i * r.stride();
      long to = (long) i * f.examples() * out(f);
      f.device()
          .kernels()
          .rows()
          .copyRows(f.examples(), width, r.buffer(), from, 0, f.ry(), to, out(f), false);
    }
    if (f.active(0)) {
      shift(f, f.directions(), f.rx(0), f.ry());
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    f.device()
        .kernels()
        .rows()
        .addColumnSums(
            f.directions(),
            f.examples(),
            token.size(),
            f.rdy(),
            f.examples() * out(f),
            out(f),
            f.rdw(token));
    if (f.active(0)) {
      unshift(f, f.directions(), f.rdy(), f.rdx(0));
    }
  }

  private void shift(Frame f, int k, Buffer from, Buffer to) {
    long rows = (long) k * f.examples();
    f.device()
        .kernels()
        .rows()
        .copyRows(rows, in(f), from, 0, in(f), to, token.size(), out(f), false);
  }

  private void unshift(Frame f, int k, Buffer from, Buffer to) {
    long rows = (long) k * f.examples();
    f.device()
        .kernels()
        .rows()
        .copyRows(rows, in(f), from, token.size(), out(f), to, 0, in(f), f.adds(0));
  }

  private static long in(Frame f) {
    return f.inputShape(0).size();
  }

  private static long out(Frame f) {
    return f.outputShape().size();
  }
}
