package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.LossRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Kronecker factors of the Gauss-Newton matrix, layer by layer: {@code A = mean over examples and
 * tokens of x x'} of the inputs x, and {@code G = sum over examples, tokens and columns of g g'},
 * where g is the adjoint of the layer's output when a column of the root of the loss's Hessian is
 * passed back (Martens and Grosse, 2015; Grosse and Martens, 2016, for convolutions; Eschenhagen et
 * al., 2023, "expand", for tokens). Of all other parameters it makes the exact diagonal, and for
 * EKFAC that of each layer in the basis of its factors (George et al., 2018).
 *
 * <p>One backward pass for each column. Products are float32, sums over micro-batches float64.
 */
public final class KroneckerSweep implements AutoCloseable {

  /** Longest sum of products in float32. */
  private static final int DEPTH = 1 << 16;

  /** Sums on the device and, in float64, on the host, in float32 values. */
  private static final int SUM = 3;

  /** A factor and its decomposition in float64, in float32 values. */
  private static final int DECOMPOSITION = 6;

  private final Network network;
  private final Device device;
  private final int columns;
  private final long seed;
  private final List<KroneckerLayer> layers = new ArrayList<>();
  private final List<ParameterGroup> others = new ArrayList<>();
  private final Scope scope = Scope.open();
  private final Scope factorScope = scope.child();
  private final long work;
  private long free;
  private final Buffer discarded;
  private final List<Sum> inputFactors = new ArrayList<>();
  private final List<Sum> outputFactors = new ArrayList<>();
  private final List<Sum> squares = new ArrayList<>();
  private final List<Sum> scales = new ArrayList<>();
  private long examples;

  /** A sum over all examples: some at a time on the device, all of them in float64. */
  private final class Sum {
    private final Buffer part;
    private final double[] total;

    Sum(Scope owner, long size) {
      part = device.allocate(owner, size);
      total = new double[Math.toIntExact(size)];
    }

    void flush() {
      try (Scope temporary = Scope.open()) {
        HostBuffer host = temporary.allocate(total.length);
        device.download(part, host.segment());
        for (int i = 0; i < total.length; i++) {
          total[i] += host.get(i);
        }
      }
      device.algebra().fill(part, 0);
    }
  }

  /**
   * Checks the memory.
   *
   * @param network the network
   * @param loss its loss
   * @param device where to compute
   * @param columns the most columns of the root of the loss's Hessian to pass back for an example;
   *     if it has more, as many random combinations of them
   * @param seed of the combinations
   * @param memoryBytes the most bytes to take beside the tapes
   * @throws IllegalArgumentException if that is not enough, or the network or the loss couples its
   *     examples
   */
  public KroneckerSweep(
      Network network, Loss loss, Device device, int columns, long seed, long memoryBytes) {
    network.requireSeparateExamples("Kronecker factors");
    loss.requireSeparateExamples("Kronecker factors");
    this.network = network;
    this.device = device;
    this.columns = columns;
    this.seed = seed;
    for (ParameterGroup group : ParameterGroup.of(network)) {
      KroneckerLayer.of(network, group).ifPresentOrElse(layers::add, () -> others.add(group));
    }
    long held = held();
    long least = held + perExample();
    if (memoryBytes / Float.BYTES < least) {
      throw new IllegalArgumentException(
          "memory limit: found "
              + memoryBytes
              + " bytes beside the recordings, expected at least "
              + least * Float.BYTES
              + " for Kronecker factors"
              + largest());
    }
    work = memoryBytes / Float.BYTES - held;
    free = work;
    try {
      discarded = device.allocate(scope, network.parameterCount());
      for (KroneckerLayer layer : layers) {
        inputFactors.add(new Sum(factorScope, layer.inputFactors()));
        outputFactors.add(new Sum(factorScope, layer.outputFactors()));
      }
      for (ParameterGroup group : others) {
        squares.add(new Sum(factorScope, group.size()));
      }
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private static long factors(KroneckerLayer layer) {
    return layer.inputFactors() + layer.outputFactors();
  }

  /** Values held at a time, whatever the number of examples. */
  private long held() {
    long sums = 0;
    long rest = 0;
    long scaled = 0;
    long fixed = 0;
    long decomposed = 0;
    for (KroneckerLayer layer : layers) {
      sums = Math.addExact(sums, SUM * factors(layer));
      scaled += SUM * layer.size();
      fixed = Math.max(fixed, layer.fixedValues());
      decomposed = Math.max(decomposed, DECOMPOSITION * layer.groups() * square(layer));
    }
    for (ParameterGroup group : others) {
      rest += SUM * group.size();
    }
    long blocks = KroneckerBlocks.values(layers, network.parameterCount());
    long held = Math.max(sums + rest + decomposed, scaled);
    return blocks + network.parameterCount() + held + fixed;
  }

  private static long square(KroneckerLayer layer) {
    long larger = Math.max(layer.inputs(), layer.outputs());
    return larger * larger;
  }

  private long perExample() {
    long most = others.stream().mapToLong(ParameterGroup::size).max().orElse(0);
    for (KroneckerLayer layer : layers) {
      most = Math.max(most, layer.workValues() + rotatedValues(layer));
    }
    return most;
  }

  /** Inputs and adjoints in the basis and, where an example has several, what they make. */
  private static long rotatedValues(KroneckerLayer layer) {
    return layer.inputValues() + layer.outputValues() + layer.size();
  }

  /** Names the layer that takes most. */
  private String largest() {
    KroneckerLayer most = null;
    for (KroneckerLayer layer : layers) {
      most = most == null || factors(layer) > factors(most) ? layer : most;
    }
    return most == null
        ? ""
        : ", of which the layer of %s, %d x %d, takes most"
            .formatted(most.name(), most.outputs() * most.groups(), most.inputs());
  }

  /**
   * Adds the factors of a tape's examples, and the diagonal of the other parameters.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE}; holds its own adjoints afterwards
   * @param first number of its first example
   * @throws IllegalArgumentException if the loss is not convex in the predictions
   */
  public void addFactors(Tape tape, long first) {
    examples = tape.totalExamples();
    for (int i = 0; i < layers.size(); i++) {
      addInputs(tape, layers.get(i), inputFactors.get(i));
    }
    eachColumn(
        tape,
        first,
        () -> {
          for (int i = 0; i < layers.size(); i++) {
            addOutputs(tape, layers.get(i), outputFactors.get(i));
          }
          for (int i = 0; i < others.size(); i++) {
            addSquares(tape, others.get(i), squares.get(i));
          }
        });
    inputFactors.forEach(Sum::flush);
    outputFactors.forEach(Sum::flush);
  }

  /** Passes each column back; then the tape holds its own adjoints again. */
  private void eachColumn(Tape tape, long first, Runnable visit) {
    LossRoot root = tape.root();
    boolean sampled = root.columns() > columns;
    int count = sampled ? columns : root.columns();
    double factor = 1 / Math.sqrt(count);
    for (int j = 0; j < count; j++) {
      int column = j;
      long stream = j * tape.totalExamples() + first;
      tape.backward(
          dz -> {
            if (sampled) {
              root.sample(seed, stream, factor, dz);
            } else {
              root.column(column, dz);
            }
          },
          discarded);
      visit.run();
    }
    tape.backward(discarded);
  }

  private int most(Tape tape, long each, int tokens) {
    long fits = Math.min(free / Math.max(1, each), DEPTH / tokens);
    return Math.clamp(fits, 1, tape.examples());
  }

  private void addInputs(Tape tape, KroneckerLayer layer, Sum sum) {
    int most = most(tape, layer.workValues(), layer.tokens());
    for (int from = 0; from < tape.examples(); from += most) {
      int count = Math.min(most, tape.examples() - from);
      try (Scope temporary = Scope.open()) {
        addOuter(layer, layer.inputs(tape, from, count, temporary), count, layer.inputs(), sum);
      }
    }
  }

  private void addOutputs(Tape tape, KroneckerLayer layer, Sum sum) {
    int most = most(tape, 0, layer.tokens());
    for (int from = 0; from < tape.examples(); from += most) {
      int count = Math.min(most, tape.examples() - from);
      addOuter(layer, layer.adjoints(tape, from), count, layer.outputs(), sum);
    }
  }

  /** Adds {@code X'X} over some examples, for each group. */
  private void addOuter(KroneckerLayer layer, Matrix rows, int count, int width, Sum sum) {
    Matrix c = Matrix.of(sum.part, width).batch((long) width * width, 0, 0);
    if (layer.stacks()) {
      int all = count * layer.tokens();
      device.kernels().gemm().multiply(width, width, all, 1, rows.t(), rows, 1, c);
      return;
    }
    Members groups = Members.of(layer.groups());
    for (int e = 0; e < count; e++) {
      Matrix own = rows.at(e * rows.stride0()).batch(rows.stride1(), 0, 0);
      device
          .kernels()
          .gemm()
          .multiply(width, width, layer.tokens(), 1, own.t(), own, 1, c, null, groups);
    }
  }

  private void addSquares(Tape tape, ParameterGroup group, Sum sum) {
    int most = most(tape, group.size(), 1);
    for (int from = 0; from < tape.examples(); from += most) {
      int count = Math.min(most, tape.examples() - from);
      try (Scope temporary = Scope.open()) {
        Buffer rows = device.allocate(temporary, count * group.size());
        group.gradients(tape, from, count, rows);
        addSquares(rows, count, group.size(), sum);
      }
    }
    sum.flush();
  }

  private void addSquares(Buffer rows, int count, long size, Sum sum) {
    device.kernels().elementwise().multiply(1, count * size, rows, rows, rows, false);
    Strided to = Strided.of(sum.part);
    device.kernels().rows().addColumnSums(1, count, size, rows, 0, size, to);
  }

  /**
   * Adds the diagonals of the layers in their bases. The factors are gone from here on.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE}; holds its own adjoints afterwards
   * @param first number of its first example
   * @param blocks has the bases
   */
  public void addScales(Tape tape, long first, KroneckerBlocks blocks) {
    if (scales.isEmpty()) {
      factorScope.close();
      inputFactors.clear();
      outputFactors.clear();
      squares.clear();
      layers.forEach(layer -> scales.add(new Sum(scope, layer.size())));
    }
    try (Scope kept = Scope.open()) {
      Buffer[] inputs = keepInputs(tape, blocks, kept);
      eachColumn(
          tape,
          first,
          () -> {
            for (int i = 0; i < layers.size(); i++) {
              addScales(tape, i, blocks, inputs[i]);
            }
          });
    } finally {
      free = work;
    }
    scales.forEach(Sum::flush);
  }

  /** Inputs in their bases, which are the same for all columns, as far as they fit; else null. */
  private Buffer[] keepInputs(Tape tape, KroneckerBlocks blocks, Scope kept) {
    Buffer[] inputs = new Buffer[layers.size()];
    for (int i = 0; i < inputs.length; i++) {
      KroneckerLayer layer = layers.get(i);
      long each = layer.inputValues();
      long size = tape.examples() * each;
      if (size > free - perExample()) {
        continue;
      }
      inputs[i] = device.allocate(kept, size);
      free -= size;
      int most = most(tape, layer.workValues(), layer.tokens());
      for (int from = 0; from < tape.examples(); from += most) {
        int count = Math.min(most, tape.examples() - from);
        rotateInputs(tape, i, blocks, from, count, inputs[i].slice(from * each, count * each));
      }
    }
    return inputs;
  }

  /** In their basis; of one row of inputs the squares. */
  private void rotateInputs(
      Tape tape, int i, KroneckerBlocks blocks, int from, int count, Buffer to) {
    try (Scope temporary = Scope.open()) {
      KroneckerLayer layer = layers.get(i);
      blocks.rotate(i, true, layer.inputs(tape, from, count, temporary), count, to);
      if (isSingle(layer)) {
        square(to, to.size());
      }
    }
  }

  private static boolean isSingle(KroneckerLayer layer) {
    return layer.stacks() && layer.tokens() == 1;
  }

  private void addScales(Tape tape, int i, KroneckerBlocks blocks, Buffer kept) {
    KroneckerLayer layer = layers.get(i);
    long each = layer.inputValues();
    int most = most(tape, layer.workValues() + rotatedValues(layer), layer.tokens());
    for (int from = 0; from < tape.examples(); from += most) {
      int count = Math.min(most, tape.examples() - from);
      try (Scope temporary = Scope.open()) {
        Buffer x;
        if (kept == null) {
          x = device.allocate(temporary, count * each);
          rotateInputs(tape, i, blocks, from, count, x);
        } else {
          x = kept.slice(from * each, count * each);
        }
        Buffer dy = device.allocate(temporary, count * layer.outputValues());
        blocks.rotate(i, false, layer.adjoints(tape, from), count, dy);
        if (isSingle(layer)) {
          addSingles(layer, x, dy, count, scales.get(i));
        } else {
          addSequences(layer, x, dy, count, temporary, scales.get(i));
        }
      }
    }
  }

  /** With one row of inputs an example's gradient is an outer product, and so is its square. */
  private void addSingles(KroneckerLayer layer, Buffer x, Buffer dy, int count, Sum sum) {
    int in = layer.inputs();
    int out = layer.outputs();
    square(dy, dy.size());
    Matrix c = Matrix.of(sum.part, in);
    device
        .kernels()
        .gemm()
        .multiply(out, in, count, 1, Matrix.of(dy, out).t(), Matrix.of(x, in), 1, c);
  }

  private void square(Buffer values, long size) {
    device.kernels().elementwise().multiply(1, size, values, values, values, false);
  }

  private void addSequences(
      KroneckerLayer layer, Buffer xs, Buffer dys, int count, Scope temporary, Sum sum) {
    int in = layer.inputs();
    int out = layer.outputs();
    long tokens = layer.tokens();
    Matrix x = Matrix.of(xs, in).batch(layer.inputValues(), tokens * in, 0);
    Matrix dy = Matrix.of(dys, out).batch(layer.outputValues(), tokens * out, 0);
    Buffer gradients = device.allocate(temporary, count * layer.size());
    Matrix c = Matrix.of(gradients, in).batch(layer.size(), (long) out * in, 0);
    Members members = new Members(count, layer.groups(), 1);
    device.kernels().gemm().multiply(out, in, layer.tokens(), 1, dy.t(), x, 0, c, null, members);
    addSquares(gradients, count, layer.size(), sum);
  }

  /**
   * Layers with Kronecker factors.
   *
   * @return how many
   */
  public int layers() {
    return layers.size();
  }

  /**
   * Name of a layer's weight.
   *
   * @param layer which
   * @return for messages
   */
  public String name(int layer) {
    return layers.get(layer).name();
  }

  /**
   * The factor of a layer's inputs, after all examples.
   *
   * @param layer which
   * @return a symmetric matrix for each group
   */
  public double[][][] inputFactor(int layer) {
    KroneckerLayer l = layers.get(layer);
    double rows = (double) examples * l.tokens();
    return matrices(inputFactors.get(layer).total, l.groups(), l.inputs(), 1 / rows);
  }

  /**
   * The factor of a layer's outputs, after all examples.
   *
   * @param layer which
   * @return a symmetric matrix for each group
   */
  public double[][][] outputFactor(int layer) {
    KroneckerLayer l = layers.get(layer);
    return matrices(outputFactors.get(layer).total, l.groups(), l.outputs(), 1);
  }

  private static double[][][] matrices(double[] all, int groups, int size, double factor) {
    double[][][] matrices = new double[groups][size][size];
    for (int i = 0; i < all.length; i++) {
      matrices[i / (size * size)][i / size % size][i % size] = factor * all[i];
    }
    return matrices;
  }

  /**
   * The diagonal of a layer in its bases, after all examples.
   *
   * @param layer which
   * @return for each group outputs x inputs values
   */
  public double[] scale(int layer) {
    return scales.get(layer).total;
  }

  /**
   * What the factors become, without bases and diagonals of layers.
   *
   * @return the caller closes it
   */
  public KroneckerBlocks blocks() {
    KroneckerBlocks blocks = new KroneckerBlocks(device, layers, network.parameterCount());
    for (int i = 0; i < others.size(); i++) {
      double[] all = squares.get(i).total;
      for (Map.Entry<Parameter, Long> part : others.get(i).columns().entrySet()) {
        int at = Math.toIntExact(part.getValue());
        Parameter p = part.getKey();
        double[] own = new double[Math.toIntExact(p.size())];
        System.arraycopy(all, at, own, 0, own.length);
        blocks.rest(p.offset(), own);
      }
    }
    return blocks;
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }
}
