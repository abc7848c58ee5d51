package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.pass.ParameterGroup.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Gram matrix {@code G_ij = g_i'g_j} of the gradients of single examples. Summed layer by layer: a
 * linear layer on t tokens gives {@code sum over s, t of (x_is.x_jt)(dy_is.dy_jt)} without any
 * gradient where that takes less work, every other op makes the gradients of its own parameters.
 * Products are float32, sums over layers float64.
 *
 * <p>Memory: for one layer at a time the gradients of all examples, or inputs and adjoints of all
 * examples, and some rows of products; besides that examples squared float64 values on the heap.
 */
public final class ExampleGram {

  /** Longest sum of products in float32. */
  private static final int DEPTH = 1 << 16;

  /** Values of work space above which the matrix is made some rows at a time. */
  private static final int BLOCK = 1 << 22;

  private final Network network;
  private final Device device;
  private final int examples;
  private final long memory;
  private final Method method;

  /**
   * Checks the memory.
   *
   * @param network the network
   * @param device where to compute
   * @param examples number of examples N
   * @param memoryBytes the most bytes to take beside the tapes
   * @throws IllegalArgumentException if that is not enough for the largest layer, or the network
   *     couples its examples
   */
  public ExampleGram(Network network, Device device, int examples, long memoryBytes) {
    this(network, device, examples, memoryBytes, Method.CHEAPER);
  }

  ExampleGram(Network network, Device device, int examples, long memoryBytes, Method method) {
    network.requireSeparateExamples("example gram");
    this.network = network;
    this.device = device;
    this.examples = examples;
    this.memory = memoryBytes / Float.BYTES;
    this.method = method;
    for (ParameterGroup group : ParameterGroup.of(network)) {
      long least = Math.addExact(kept(group), row(group)) * Float.BYTES;
      if (memoryBytes < least) {
        throw new IllegalArgumentException(
            "memory limit: found "
                + memoryBytes
                + " bytes beside the recordings, expected at least "
                + least
                + " for the gradients of "
                + examples
                + " examples in the layer of "
                + group.columns().keySet().iterator().next().name());
      }
    }
  }

  private boolean ghost(ParameterGroup group) {
    return group.ghostGram(method, examples);
  }

  /** Values kept of a group, for all examples. */
  private long kept(ParameterGroup group) {
    return Math.multiplyExact(examples, ghost(group) ? group.factors() : group.size());
  }

  /** Values used to make one row of the Gram matrix; float64 sums count twice. */
  private long row(ParameterGroup group) {
    if (!ghost(group)) {
      return examples;
    }
    long square = (long) group.tokens() * group.tokens();
    return 2L * examples * (square == 1 ? 1 : square + 1);
  }

  /**
   * Computes the matrix.
   *
   * @param parts number of tapes that hold all examples, in order
   * @param tapes gives the tape of a part with a forward pass in {@link Mode#MEASURE} and a
   *     backward pass; it may be the same tape, recorded again. Tapes can be used for Hessians
   *     again only after another backward pass
   * @param recomputes whether getting a tape costs a recording; then as many layers as fit the
   *     memory share one
   * @return N rows of N values, symmetric, not checked for finiteness
   */
  public double[][] compute(int parts, IntFunction<Tape> tapes, boolean recomputes) {
    double[][] gram = new double[examples][examples];
    long total = 0;
    for (List<ParameterGroup> pass : passes(recomputes)) {
      try (Scope scope = Scope.open()) {
        List<Kept> layers = pass.stream().map(group -> keep(scope, group)).toList();
        int at = 0;
        for (int i = 0; i < parts; i++) {
          Tape tape = tapes.apply(i);
          tape.requireAdjoints();
          for (Kept layer : layers) {
            layer.take(tape, at);
          }
          at += tape.examples();
          total = tape.totalExamples();
        }
        long remaining = memory - pass.stream().mapToLong(this::kept).sum();
        layers.forEach(layer -> addLayer(layer, gram, remaining));
      }
    }
    double scale = (double) total * total;
    for (int i = 0; i < examples; i++) {
      for (int j = 0; j <= i; j++) {
        gram[i][j] *= scale;
        gram[j][i] = gram[i][j];
      }
    }
    return gram;
  }

  private List<List<ParameterGroup>> passes(boolean recomputes) {
    List<ParameterGroup> groups = ParameterGroup.of(network);
    long rows = groups.stream().mapToLong(this::row).max().orElseThrow();
    List<List<ParameterGroup>> passes = new ArrayList<>();
    long used = 0;
    for (ParameterGroup group : groups) {
      if (passes.isEmpty() || !recomputes || used + kept(group) + rows > memory) {
        passes.add(new ArrayList<>());
        used = 0;
      }
      passes.getLast().add(group);
      used += kept(group);
    }
    return passes;
  }

  /** What is kept of a group until all examples have been seen. */
  private sealed interface Kept {

    void take(Tape tape, int at);
  }

  private Kept keep(Scope scope, ParameterGroup group) {
    if (!ghost(group)) {
      return new Gradients(group, device.allocate(scope, kept(group)));
    }
    long tokens = (long) examples * group.tokens();
    return new Factors(
        group,
        device.allocate(scope, tokens * group.in()),
        device.allocate(scope, tokens * group.out()));
  }

  /** A row for each example. */
  private record Gradients(ParameterGroup group, Buffer rows) implements Kept {

    @Override
    public void take(Tape tape, int at) {
      int count = tape.examples();
      group.gradients(tape, 0, count, rows.slice(at * group.size(), count * group.size()));
    }
  }

  /** Inputs and adjoints of a linear layer. */
  private record Factors(ParameterGroup group, Buffer x, Buffer dy) implements Kept {

    @Override
    public void take(Tape tape, int at) {
      take(tape, group.input(tape), group.in(), at, x);
      take(tape, group.adjoint(tape), group.out(), at, dy);
    }

    private void take(Tape tape, Buffer from, int width, int at, Buffer to) {
      long size = (long) group.tokens() * width;
      long n = tape.examples() * size;
      tape.device().algebra().copy(from.slice(0, n), to.slice(at * size, n));
    }
  }

  /** Adds a layer to the lower triangle, some rows at a time. */
  private void addLayer(Kept layer, double[][] gram, long remaining) {
    long perRow = row(layer instanceof Factors f ? f.group : ((Gradients) layer).group);
    int most = (int) Math.min(remaining / perRow, Math.max(1, BLOCK / perRow));
    for (int from = 0; from < examples; from += most) {
      int rows = Math.min(most, examples - from);
      try (Scope scope = Scope.open()) {
        Block block = new Block(scope, from, rows, from + rows);
        switch (layer) {
          case Gradients g -> addGradients(g, block, gram);
          case Factors f when f.group.tokens() == 1 -> addSingles(f, block, gram);
          case Factors f -> addSequences(f, block, gram);
        }
      }
    }
  }

  /** Some rows of the Gram matrix, up to the last column of its lower triangle. */
  private record Block(Scope scope, int from, int rows, int cols) {

    int size() {
      return rows * cols;
    }

    /** Adds to the lower triangle. */
    void add(double[] products, double[][] gram) {
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j <= from + i; j++) {
          gram[from + i][j] += products[i * cols + j];
        }
      }
    }
  }

  private void addGradients(Gradients layer, Block block, double[][] gram) {
    long size = layer.group.size();
    Buffer products = device.allocate(block.scope, block.size());
    Matrix all = Matrix.of(layer.rows, size);
    for (long column = 0; column < size; column += DEPTH) {
      int depth = (int) Math.min(DEPTH, size - column);
      Matrix a = all.at(block.from * size + column);
      Matrix b = all.at(column).t();
      Matrix c = Matrix.of(products, block.cols);
      device.kernels().gemm().multiply(block.rows, block.cols, depth, 1, a, b, 0, c);
      block.add(download(block.scope, products), gram);
    }
  }

  /** One token an example: both products are matrices of pairs already. */
  private void addSingles(Factors layer, Block block, double[][] gram) {
    double[] xx = pairs(layer.x, layer.group.in(), block);
    double[] dd = pairs(layer.dy, layer.group.out(), block);
    double bias = layer.group.biased() ? 1 : 0;
    Arrays.setAll(dd, i -> (xx[i] + bias) * dd[i]);
    block.add(dd, gram);
  }

  private double[] pairs(Buffer rows, int width, Block block) {
    Buffer products = device.allocate(block.scope, block.size());
    Matrix all = Matrix.of(rows, width);
    Matrix a = all.at((long) block.from * width);
    device
        .kernels()
        .gemm()
        .multiply(block.rows, block.cols, width, 1, a, all.t(), 0, Matrix.of(products, block.cols));
    return download(block.scope, products);
  }

  private void addSequences(Factors layer, Block block, double[][] gram) {
    int tokens = layer.group.tokens();
    int square = tokens * tokens;
    Buffer xx = tokenPairs(layer.x, layer.group.in(), tokens, block);
    Buffer dd = tokenPairs(layer.dy, layer.group.out(), tokens, block);
    Scalars sums = device.scalars(block.scope, block.size());
    device
        .kernels()
        .elementwise()
        .dots(block.size(), square, 1, new Strided(xx, 0, square), dd, sums);
    if (layer.group.biased()) {
      Buffer ones = device.allocate(block.scope, square);
      device.algebra().fill(ones, 1);
      device.kernels().elementwise().dots(block.size(), square, 1, Strided.of(ones), dd, sums);
    }
    block.add(sums.read(), gram);
  }

  /** Products of the tokens of each pair of examples, t x t values a pair. */
  private Buffer tokenPairs(Buffer rows, int width, int tokens, Block block) {
    long size = (long) tokens * width;
    long square = (long) tokens * tokens;
    Buffer products = device.allocate(block.scope, block.size() * square);
    Matrix all = Matrix.of(rows, width);
    Matrix a = all.at(block.from * size).batch(size, 0, 0);
    Matrix b = all.batch(0, size, 0).t();
    Matrix c = Matrix.of(products, tokens).batch(block.cols * square, square, 0);
    Members pairs = new Members(block.rows, block.cols, 1);
    device.kernels().gemm().multiply(tokens, tokens, width, 1, a, b, 0, c, null, pairs);
    return products;
  }

  private double[] download(Scope scope, Buffer products) {
    HostBuffer host = scope.allocate(products.size());
    device.download(products, host.segment());
    double[] values = new double[Math.toIntExact(products.size())];
    Arrays.setAll(values, i -> host.get(i));
    return values;
  }
}
