package dynaxx.network.op;

import dynaxx.device.Device;
import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.Arrays;
import java.util.List;

/**
 * Rotary position embedding (Su et al., 2021): turns the pair (j, j + depth / 2) of each head by
 * the angle {@code t base^(-2 j / depth)} at token t, in the layout of Llama and GPT-NeoX. Input
 * and output are {@code [tokens x columns]}; columns behind the rotated heads stay as they are, so
 * the op goes before {@link Attention} on queries, keys and values side by side. Sines and cosines
 * are constants rounded to float32 on every device.
 *
 * @param heads leading heads that are rotated: queries and keys
 * @param depth values of a head, even
 * @param base usually 10,000
 */
public record Rotary(int heads, int depth, double base) implements JointlyLinear {

  private static final int COSINES = 0;
  private static final int SINES = 1;
  private static final int OPPOSITE_SINES = 2;

  @Override
  public String name() {
    return "rotary";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    boolean fits = heads > 0 && depth > 0 && depth % 2 == 0 && base > 0;
    fits = fits && x.rank() == 2 && x.dim(1) >= heads * depth;
    String expected = "[tokens x columns] with " + heads + " heads of even width " + depth;
    Check.that(fits, this, 0, x, expected);
    return x;
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    long size = inputs.getFirst().size();
    return new Workspace(List.of(size), List.of(), List.of(size));
  }

  @Override
  public void forward(Frame f) {
    rotate(f, 1, 1, f.x(0), f.y(), false, f.saved(0));
  }

  @Override
  public void backward(Frame f) {
    rotate(f, 1, -1, f.dy(), f.dx(0), f.adds(0), f.saved(0));
  }

  @Override
  public void tangentForward(Frame f) {
    rotate(f, f.directions(), 1, f.rx(0), f.ry(), false, f.scratch(0));
  }

  @Override
  public void tangentBackward(Frame f) {
    rotate(f, f.directions(), -1, f.rdy(), f.rdx(0), f.adds(0), f.scratch(0));
  }

  /** {@code to (+)= cos from + sign sin swapped}; the transposed rotation is the inverse one. */
  private void rotate(
      Frame f, int k, int sign, Buffer from, Buffer to, boolean add, Buffer swapped) {
    Device device = f.device();
    int copies = Math.multiplyExact(k, f.examples());
    int tokens = f.inputShape(0).dim(0);
    int columns = f.inputShape(0).dim(1);
    long size = f.inputShape(0).size();
    swap(device, copies, tokens, columns, from, swapped);
    Buffer sines = f.constant(sign > 0 ? SINES : OPPOSITE_SINES);
    device.kernels().elementwise().multiply(copies, size, f.constant(COSINES), from, to, add);
    device.kernels().elementwise().multiply(copies, size, sines, swapped, to, true);
  }

  @Override
  public List<float[]> constants(List<Shape> inputs) {
    int tokens = inputs.getFirst().dim(0);
    int columns = inputs.getFirst().dim(1);
    return List.of(cosines(tokens, columns), sines(tokens, columns, 1), sines(tokens, columns, -1));
  }

  /** Exchanges the halves of each rotated head; the other columns become zero. */
  private void swap(Device device, long copies, long tokens, long columns, Buffer from, Buffer to) {
    long half = depth / 2;
    if (columns > (long) heads * depth) {
      device.algebra().fill(to.slice(0, copies * tokens * columns), 0);
    }
    List<Axis> axes =
        List.of(
            new Axis(copies * tokens, columns, columns),
            new Axis(heads, depth, depth),
            new Axis(2, -half, half),
            new Axis(half, 1, 1));
    device.kernels().strides().rearrange(new Walk(axes, half, 0), 1, from, to, false);
  }

  private float[] cosines(int tokens, int columns) {
    float[] table = new float[tokens * columns];
    Arrays.fill(table, 1);
    eachPair(tokens, columns, (at, angle) -> set(table, at, Math.cos(angle), Math.cos(angle)));
    return table;
  }

  private float[] sines(int tokens, int columns, int sign) {
    float[] table = new float[tokens * columns];
    eachPair(
        tokens,
        columns,
        (at, angle) -> set(table, at, -sign * Math.sin(angle), sign * Math.sin(angle)));
    return table;
  }

  private interface Pair {
    void at(int first, double angle);
  }

  /** Pairs of the first head. */
  private void eachPair(int tokens, int columns, Pair pair) {
    for (int j = 0; j < depth / 2; j++) {
      double frequency = Math.pow(base, -2.0 * j / depth);
      for (int t = 0; t < tokens; t++) {
        pair.at(t * columns + j, t * frequency);
      }
    }
  }

  /** Sets both elements of a pair in all heads. */
  private void set(float[] table, int at, double first, double second) {
    for (int h = 0; h < heads; h++) {
      table[at + h * depth] = (float) first;
      table[at + h * depth + depth / 2] = (float) second;
    }
  }
}
