package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.pass.ParameterGroup.Method;
import java.util.Arrays;
import java.util.List;

/**
 * Squared norms of the gradients of single examples, from the adjoints of a {@link Tape}. A linear
 * layer on one row has {@code |x|^2 |dy|^2} (Goodfellow, 2015); on t tokens {@code sum over s, t of
 * (x_s.x_t)(dy_s.dy_t)} where that takes less work, whether its weight is a parameter or part of
 * one; every other op makes the gradients themselves, some examples at a time. Sums are float64.
 */
public final class ExampleNorms implements AutoCloseable {

  private final Network network;
  private final Device device;
  private final Method method;
  private final List<ParameterGroup> groups;
  private final Scope scope = Scope.open();
  private final Buffer work;
  private final Buffer ones;
  private final Scalars sums;

  /**
   * Allocates work space.
   *
   * @param network the network of the tapes
   * @param device where to compute
   * @param capacity the most examples of a tape
   * @param memoryBytes the most bytes to take; more than {@link #leastBytes} only helps
   * @throws IllegalArgumentException if that is not enough for the gradient of one example, or the
   *     network couples its examples
   */
  public ExampleNorms(Network network, Device device, int capacity, long memoryBytes) {
    this(network, device, capacity, memoryBytes, Method.CHEAPER);
  }

  ExampleNorms(Network network, Device device, int capacity, long memoryBytes, Method method) {
    network.requireSeparateExamples("example norms");
    this.network = network;
    this.device = device;
    this.method = method;
    this.groups = ParameterGroup.of(network);
    long most = groups.stream().mapToLong(g -> floats(g, method)).max().orElseThrow();
    long squares = squares(groups, method);
    long least = (most + squares) * Float.BYTES;
    if (memoryBytes < least) {
      throw new IllegalArgumentException(
          "memory limit: found "
              + memoryBytes
              + " bytes, expected at least "
              + least
              + " for the gradient of one example in its largest layer");
    }
    long fitting = Math.min(capacity * most, memoryBytes / Float.BYTES - squares);
    try {
      work = device.allocate(scope, fitting);
      ones = device.allocate(scope, squares);
      device.algebra().fill(ones, 1);
      sums = device.scalars(scope, capacity);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * The least memory for a network.
   *
   * @param network the network
   * @return bytes
   */
  public static long leastBytes(Network network) {
    List<ParameterGroup> groups = ParameterGroup.of(network);
    long most = groups.stream().mapToLong(g -> floats(g, Method.CHEAPER)).max().orElseThrow();
    return (most + squares(groups, Method.CHEAPER)) * Float.BYTES;
  }

  /** Work space of one example. */
  private static long floats(ParameterGroup group, Method method) {
    return group.ghostNorms(method) ? 2L * group.tokens() * group.tokens() : group.size();
  }

  private static long squares(List<ParameterGroup> groups, Method method) {
    return groups.stream()
        .filter(g -> g.ghostNorms(method))
        .mapToLong(g -> (long) g.tokens() * g.tokens())
        .max()
        .orElse(0);
  }

  /**
   * Squared norm of each example's gradient.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE} and a backward pass, and is left as it
   *     is
   * @return one value for each example, not checked for finiteness
   */
  public double[] squared(Tape tape) {
    if (tape.network() != network || tape.examples() > sums.size()) {
      throw new IllegalArgumentException(
          "tape: found another network or "
              + tape.examples()
              + " examples, expected the same network and at most "
              + sums.size());
    }
    tape.requireAdjoints();
    int examples = tape.examples();
    double[] norms = new double[examples];
    for (ParameterGroup group : groups) {
      int most = (int) Math.min(examples, work.size() / floats(group, method));
      boolean ghost = group.ghostNorms(method);
      Buffer x = ghost ? group.input(tape) : null;
      Buffer dy = ghost ? group.adjoint(tape) : null;
      for (int from = 0; from < examples; from += most) {
        int count = Math.min(most, examples - from);
        sums.clear();
        if (ghost) {
          ghost(x, dy, group, from, count);
        } else {
          group.gradients(tape, from, count, work);
          device
              .kernels()
              .elementwise()
              .dots(count, group.size(), 1, new Strided(work, 0, group.size()), work, sums);
        }
        double[] part = sums.read();
        for (int i = 0; i < count; i++) {
          norms[from + i] += part[i];
        }
      }
    }
    double scale = (double) tape.totalExamples() * tape.totalExamples();
    return Arrays.stream(norms).map(norm -> norm * scale).toArray();
  }

  private void ghost(Buffer x, Buffer dy, ParameterGroup group, int from, int count) {
    int tokens = group.tokens();
    long square = (long) tokens * tokens;
    Buffer xx = work.slice(0, count * square);
    Buffer dd = work.slice(count * square, count * square);
    products(x, group.in(), tokens, from, count, xx);
    products(dy, group.out(), tokens, from, count, dd);
    device.kernels().elementwise().dots(count, square, 1, new Strided(xx, 0, square), dd, sums);
    if (group.biased()) {
      device.kernels().elementwise().dots(count, square, 1, Strided.of(ones), dd, sums);
    }
  }

  /** Products of each example's tokens with each other. */
  private void products(Buffer rows, int width, int tokens, int from, int count, Buffer to) {
    long size = (long) tokens * width;
    Matrix x = Matrix.of(rows, width).at(from * size).batch(size, 0, 0);
    Matrix c = Matrix.of(to, tokens).batch((long) tokens * tokens, 0, 0);
    device
        .kernels()
        .gemm()
        .multiply(tokens, tokens, width, 1, x, x.t(), 0, c, null, Members.of(count));
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }
}
