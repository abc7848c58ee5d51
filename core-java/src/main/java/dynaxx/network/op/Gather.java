package dynaxx.network.op;

import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Positions of one axis, in any order and any number: position i of the output's axis is position
 * {@code indices[i]} of the input's.
 *
 * @param axis which; negative ones count from the last
 * @param indices positions of the input, from 0
 */
public record Gather(int axis, List<Integer> indices) implements JointlyLinear {

  private static final int SHOWN = 8;

  /**
   * Copies the indices.
   *
   * @param axis which
   * @param indices positions
   */
  public Gather {
    indices = List.copyOf(indices);
  }

  @Override
  public String name() {
    return "gather";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    int at = Check.axis(this, x, axis);
    boolean inside = indices.stream().allMatch(i -> i >= 0 && i < x.dim(at));
    if (!inside || indices.isEmpty() || x.dim(at) > Constant.LARGEST_WHOLE) {
      Check.that(false, this, 0, x, "axis " + at + " to hold positions " + some(x.dim(at)));
    }
    return x.with(at, indices.size());
  }

  /** For a message all positions, or of very many those outside. */
  private List<Integer> some(int extent) {
    return indices.size() <= SHOWN
        ? indices
        : indices.stream().filter(i -> i < 0 || i >= extent).limit(SHOWN).toList();
  }

  /** The tables of all examples and directions: one for each position of the axes before. */
  private record Tables(int count, int cols, Strided tables) {}

  private Tables tables(Frame f, int k, Buffer x) {
    Shape shape = f.inputShape(0);
    int at = Check.axis(this, shape, axis);
    long cols = shape.stride(at);
    long size = cols * shape.dim(at);
    long count = (long) k * f.examples() * (shape.size() / size);
    return new Tables(Math.toIntExact(count), Math.toIntExact(cols), new Strided(x, 0, size));
  }

  @Override
  public List<float[]> constants() {
    float[] ids = new float[indices.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = indices.get(i);
    }
    return List.of(ids);
  }

  private void take(Frame f, int k, Buffer from, Buffer to) {
    Tables t = tables(f, k, from);
    f.device()
        .kernels()
        .gathers()
        .gather(t.count, indices.size(), t.cols, f.constant(0), t.tables, to);
  }

  private void put(Frame f, int k, Buffer from, Buffer to) {
    Tables t = tables(f, k, to);
    if (!f.adds(0)) {
      f.device().algebra().fill(to.slice(0, k * f.examples() * f.inputShape(0).size()), 0);
    }
    f.device()
        .kernels()
        .gathers()
        .scatterAdd(t.count, indices.size(), t.cols, f.constant(0), from, t.tables);
  }

  @Override
  public void forward(Frame f) {
    take(f, 1, f.x(0), f.y());
  }

  @Override
  public void backward(Frame f) {
    put(f, 1, f.dy(), f.dx(0));
  }

  @Override
  public void tangentForward(Frame f) {
    take(f, f.directions(), f.rx(0), f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    put(f, f.directions(), f.rdy(), f.rdx(0));
  }
}
