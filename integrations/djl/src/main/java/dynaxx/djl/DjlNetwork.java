package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.monitor.SnapshotSource;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A block of DJL as a network of dynaxx over the same parameters: exact products of dynaxx itself,
 * without a call of DJL's engine.
 *
 * <p>The block's forward pass is run on arrays without values, which record what is done with them.
 * So any block can be read that uses DJL's layers (linear, convolutions of one and two dimensions,
 * norms, activations, pooling, recurrent layers, embeddings, attention) and arithmetic on arrays, a
 * {@code LambdaBlock} or a block of your own too. Dropout is left out.
 *
 * <p>The network's parameters have the names and the order of {@code block.getParameters()}.
 * Parameters without a gradient, running statistics among them, are constants with the values that
 * they had when the block was read.
 */
public final class DjlNetwork {

  private final Block block;
  private final List<int[]> shapes;
  private final BatchNormMode mode;
  private final List<Parameter> parameters;
  private final Trace.Result read;
  private final List<float[]> constants;

  private DjlNetwork(Block block, BatchNormMode mode, List<int[]> shapes) {
    this.block = block;
    this.mode = mode;
    this.shapes = shapes;
    this.parameters = List.copyOf(Objective.trained(block).values());
    this.read = Trace.of(block, mode, shapes);
    this.constants = values(read.fixed());
  }

  /**
   * Reads a block; batch normalisation uses running statistics.
   *
   * @param block initialized
   * @param inputs shapes of its inputs as DJL takes them: the first extent counts the examples and
   *     may have any value
   * @return the network
   * @throws UnsupportedBlockException if the block does something that dynaxx does not know; the
   *     message names it
   * @throws IllegalArgumentException if the block has no values yet
   */
  public static DjlNetwork of(Block block, ai.djl.ndarray.types.Shape... inputs) {
    return of(block, BatchNormMode.RUNNING, inputs);
  }

  /**
   * Reads a block.
   *
   * @param block initialized
   * @param mode statistics of batch normalisation
   * @param inputs shapes of its inputs as DJL takes them: the first extent counts the examples and
   *     may have any value
   * @return the network
   * @throws UnsupportedBlockException if the block does something that dynaxx does not know; the
   *     message names it
   * @throws IllegalArgumentException if the block has no values yet
   */
  public static DjlNetwork of(
      Block block, BatchNormMode mode, ai.djl.ndarray.types.Shape... inputs) {
    if (inputs.length == 0) {
      throw new IllegalArgumentException("inputs: found no shape, expected at least one");
    }
    for (ai.djl.ndarray.types.Shape shape : inputs) {
      long[] own = shape.dimension() == 0 ? new long[] {0} : shape.slice(1).getShape();
      if (Arrays.stream(own).anyMatch(d -> d < 1)) {
        throw new IllegalArgumentException(
            "inputs: found shape "
                + shape
                + ", expected a first axis of examples and known extents after it");
      }
    }
    return new DjlNetwork(
        block, mode, Arrays.stream(inputs).map(s -> Axes.dims(s.slice(1))).toList());
  }

  private static List<float[]> values(List<Parameter> of) {
    return of.stream().map(p -> HostCopies.floats(p.getArray())).toList();
  }

  /** This, or if constants of the block have changed, the block read again. */
  DjlNetwork current() {
    if (!List.copyOf(Objective.trained(block).values()).equals(parameters)) {
      throw new IllegalStateException(
          "block: found other parameters with a gradient than when it was read, expected the same");
    }
    List<float[]> now = values(read.fixed());
    boolean same =
        IntStream.range(0, now.size()).allMatch(i -> Arrays.equals(now.get(i), constants.get(i)));
    return same ? this : new DjlNetwork(block, mode, shapes);
  }

  /**
   * The network. An example is one vector: its inputs, one after the other.
   *
   * @return the network
   */
  public Network network() {
    return read.network();
  }

  /**
   * Copies the block's parameters as they are at the moment, from where the engine has them.
   *
   * @param to n values
   * @throws IllegalArgumentException if their number is another
   */
  public void copyParameters(HostBuffer to) {
    if (to.size() != network().parameterCount()) {
      throw new IllegalArgumentException(
          "to: found " + to.size() + " values, expected " + network().parameterCount());
    }
    long at = 0;
    for (Parameter parameter : parameters) {
      NDArray array = parameter.getArray();
      HostCopies.copy(array, to.slice(at, array.size()).segment());
      at += array.size();
    }
  }

  /**
   * A copy of the block's parameters as they are at the moment.
   *
   * @param scope owns the copy
   * @return n values
   */
  public HostBuffer parameters(Scope scope) {
    HostBuffer copy = scope.allocate(network().parameterCount());
    copyParameters(copy);
    return copy;
  }

  /**
   * Copies examples out of DJL's arrays.
   *
   * @param loss of dynaxx, the same as DJL's in the training
   * @param data inputs, as many arrays as the block has
   * @param labels one array, as the loss takes them in {@link Loss#targets}: class numbers for
   *     cross-entropy
   * @param scope owns the copies
   * @return the batch
   * @throws IllegalArgumentException if sizes do not fit, or the values the loss
   */
  public Batch batch(Loss loss, NDList data, NDList labels, Scope scope) {
    HostBuffer inputs = Examples.copy(data, shapes, scope);
    HostBuffer given = Examples.copy(labels, scope);
    Shape output = network().outputShape();
    long examples = inputs.size() / network().inputShape().size();
    Shape.requireSize("labels", given.size(), examples * loss.givenSize(output));
    HostBuffer targets = loss.targets(scope, output, given, null);
    return Batch.of(network(), loss, inputs, targets);
  }

  /** The loss of the block as it is at the moment. */
  double value(Loss loss, NDList data, NDList labels, Device device) {
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(network(), loss, batch(loss, data, labels, scope), device)) {
      hessian.linearize(parameters(scope));
      return hessian.loss();
    }
  }

  /**
   * Snapshots of the block as it is at the moment, for a monitor. Where constants of the block have
   * changed since the last one, such as running statistics, it is read again. Snapshots can be made
   * beside the training, as they need no engine.
   *
   * @param loss of dynaxx, the same as DJL's in the training
   * @param data inputs of the fixed subset, copied
   * @param labels their labels, copied
   * @param device where to compute
   * @return the source; close it after the monitor
   */
  public SnapshotSource source(Loss loss, NDList data, NDList labels, Device device) {
    return new NetworkSource(this, loss, data, labels, device);
  }
}
