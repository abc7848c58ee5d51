package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.Kernels;
import dynaxx.kernel.Scalars;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.LossFrame;
import dynaxx.network.op.LossRoot;
import dynaxx.network.op.Op;
import dynaxx.network.op.Op.Statistic;
import dynaxx.network.op.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Records one forward and one backward pass of a network with its loss: values, adjoints and what
 * ops save. A {@link TangentSweep} then plays any number of directions over it without another
 * forward pass. A tape is used again for batch after batch and owns its memory. Each pass is one
 * turn of the device, whose kernels keep the arguments of a call in one place.
 */
public final class Tape implements AutoCloseable {

  private final Network network;
  private final Loss loss;
  private final Device device;
  private final Scope scope;
  private final int capacity;
  private final Buffer[] values;
  private final Buffer[] adjoints;
  private final TapeLayout layout;

  /** Whether values in slots are those of the forward pass that runs, adjoints likewise. */
  private boolean forward;

  private boolean backward;
  private final Buffer[][] saved;
  private final OpConstants constants;
  private final Buffer lossSaved;
  private final Scalars lossSum;

  private Buffer parameters;
  private Buffer gradient;
  private Batch batch;
  private LossFrame head;
  private Mode mode = Mode.MEASURE;
  private long totalExamples;
  private Recorded recorded = Recorded.NOTHING;

  /** What holds for the current batch; each state includes those before it. */
  private enum Recorded {
    NOTHING,
    FORWARD,
    /** Adjoints, but not what ops saved in their backward pass: another one ran over it. */
    ADJOINTS,
    BACKWARD
  }

  /**
   * Allocates a tape.
   *
   * @param network the network
   * @param loss applied to its output
   * @param device where to compute
   * @param capacity the most examples of a batch, at least 1
   */
  public Tape(Network network, Loss loss, Device device, int capacity) {
    this(network, loss, device, capacity, null, false);
  }

  /**
   * Allocates a tape that shares the fixed values of ops with others.
   *
   * @param network the network
   * @param loss applied to its output
   * @param device where to compute
   * @param capacity the most examples of a batch, at least 1
   * @param shared of the same network and device, or null for its own
   * @param compact whether to take less memory: what elementwise functions and norms give is not
   *     kept but computed again where it is read, with the same bits
   */
  public Tape(
      Network network,
      Loss loss,
      Device device,
      int capacity,
      OpConstants shared,
      boolean compact) {
    if (capacity < 1) {
      throw new IllegalArgumentException(
          "capacity: found " + capacity + " examples, expected at least 1");
    }
    this.network = network;
    this.loss = loss;
    this.device = device;
    this.capacity = capacity;
    this.scope = Scope.open();
    try {
      List<Step> steps = network.steps();
      values = new Buffer[steps.size()];
      adjoints = new Buffer[steps.size()];
      layout = TapeLayout.of(network, compact);
      saved = new Buffer[steps.size()][];
      constants = shared == null ? new OpConstants(network, device, scope) : shared;
      Buffer[] valueSlots = allocate(layout.valueSlotSizes());
      Buffer[] adjointSlots = allocate(layout.adjointSlotSizes());
      for (int i = 1; i < values.length; i++) {
        long size = steps.get(i).shape().size();
        int slot = layout.valueSlot(i);
        values[i] = slot < 0 ? allocate(size) : valueSlots[slot];
        int adjointSlot = layout.adjointSlot(i);
        if (adjointSlot >= 0) {
          adjoints[i] = adjointSlots[adjointSlot];
        } else if (layout.keepsAdjoint(i)) {
          adjoints[i] = allocate(size);
        }
        saved[i] =
            Workspaces.of(network, i).saved().stream().map(this::allocate).toArray(Buffer[]::new);
      }
      for (int i = 1; i < adjoints.length; i++) {
        adjoints[i] = adjoints[layout.sharing().owner(i)];
      }
      lossSaved = allocate(loss.savedSize(network.outputShape()));
      lossSum = device.scalars(scope, 1);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * Memory of a tape that is not compact.
   *
   * @param network the network
   * @param loss its loss
   * @return bytes for each example of capacity
   */
  public static long bytesPerExample(Network network, Loss loss) {
    return bytesPerExample(network, loss, false);
  }

  /**
   * Memory of a tape.
   *
   * @param network the network
   * @param loss its loss
   * @param compact whether it is compact
   * @return bytes for each example of capacity
   */
  public static long bytesPerExample(Network network, Loss loss, boolean compact) {
    long floats = TapeLayout.of(network, compact).floats() + Workspaces.savedFloats(network);
    return (floats + loss.savedSize(network.outputShape())) * Float.BYTES;
  }

  /**
   * Forward pass that measures: the predictions and the loss.
   *
   * @param parameters n values on the device; must stay unchanged until the last tangent sweep over
   *     this tape
   * @param batch examples on the device, at most the capacity
   * @param totalExamples examples of the whole data set that this batch is part of
   * @return the loss, as {@link #forward(Buffer, Batch, long, Mode)}
   */
  public double forward(Buffer parameters, Batch batch, long totalExamples) {
    return forward(parameters, batch, totalExamples, Mode.MEASURE);
  }

  /**
   * Forward pass: the predictions and the loss.
   *
   * @param parameters n values on the device; must stay unchanged until the last tangent sweep over
   *     this tape
   * @param batch examples on the device, at most the capacity
   * @param totalExamples examples of the whole data set that this batch is part of; the result is
   *     this batch's share of the mean over all of them
   * @param mode training or measuring
   * @return the loss, not checked for finiteness
   * @throws IllegalArgumentException if the sizes do not fit, or the batch is a part of a data set
   *     and the network {@linkplain Network#couplesExamples couples its examples}
   */
  public double forward(Buffer parameters, Batch batch, long totalExamples, Mode mode) {
    submitForward(parameters, batch, totalExamples, mode, Runnable::run);
    return lossOfForward();
  }

  /**
   * {@link #forward(Buffer, Batch, long)} that does not wait for the device.
   *
   * @param parameters n values on the device
   * @param batch examples on the device
   * @param totalExamples examples of the whole data set
   */
  public void submitForward(Buffer parameters, Batch batch, long totalExamples) {
    submitForward(parameters, batch, totalExamples, Runnable::run);
  }

  /**
   * {@link #submitForward(Buffer, Batch, long)} whose work may be replayed.
   *
   * @param parameters n values on the device
   * @param batch examples on the device
   * @param totalExamples examples of the whole data set
   * @param how does the work, or what a device has recorded of it with the same arrays
   */
  public void submitForward(
      Buffer parameters, Batch batch, long totalExamples, Consumer<Runnable> how) {
    submitForward(parameters, batch, totalExamples, Mode.MEASURE, how);
  }

  private void submitForward(
      Buffer parameters, Batch batch, long totalExamples, Mode mode, Consumer<Runnable> how) {
    device
        .turns()
        .take(
            () -> {
              bind(parameters, batch, totalExamples, mode);
              how.accept(this::forwardThroughOps);
              recorded = Recorded.FORWARD;
            });
  }

  private void bind(Buffer parameters, Batch batch, long totalExamples, Mode mode) {
    TapeArguments.check(network, loss, capacity, parameters, batch, totalExamples);
    recorded = Recorded.NOTHING;
    this.parameters = parameters;
    this.batch = batch;
    this.mode = mode;
    this.totalExamples = totalExamples;
    values[0] = batch.inputs();
    double scale = 1.0 / (totalExamples * (double) loss.terms(network.outputShape()));
    head =
        new LossFrame(
            device,
            network.outputShape(),
            batch.examples(),
            scale,
            output(),
            batch.targets(),
            lossSaved);
  }

  private void forwardThroughOps() {
    forward = true;
    try {
      for (int i = 1; i < values.length; i++) {
        TapeFrame frame = new TapeFrame(this, null, i);
        run(i, op -> op.forward(frame));
      }
    } finally {
      forward = false;
    }
    lossSum.clear();
    loss.forward(head, lossSum);
  }

  /**
   * Waits for the last forward pass.
   *
   * @return its loss, as {@link #forward(Buffer, Batch, long, Mode)}
   */
  public double lossOfForward() {
    requireForward();
    return lossSum.read()[0];
  }

  /** Runs a pass of an op; kernels that the device lacks are named with the op and the device. */
  void run(int node, Consumer<Op> pass) {
    Op op = network.steps().get(node).op();
    try {
      pass.accept(op);
    } catch (Kernels.MissingFamilyException e) {
      throw new UnsupportedOperationException(
          op.name() + ": device " + device.name() + " has " + e.getMessage(), e);
    }
  }

  /**
   * Backward pass after {@link #forward}: adds this batch's share of the gradient.
   *
   * @param gradient n values on the device, added to
   */
  public void backward(Buffer gradient) {
    backward(gradient, Runnable::run);
  }

  /**
   * {@link #backward(Buffer)} whose work may be replayed.
   *
   * @param gradient n values on the device, added to
   * @param how does the work, or what a device has recorded of it with the same arrays
   */
  public void backward(Buffer gradient, Consumer<Runnable> how) {
    requireForward();
    Shape.requireSize("gradient", gradient.size(), network.parameterCount());
    this.gradient = gradient;
    Runnable work =
        () -> {
          loss.backward(head, adjoints[adjoints.length - 1]);
          backwardThroughOps();
        };
    device.turns().take(() -> how.accept(work));
    recorded = Recorded.BACKWARD;
  }

  private void backwardThroughOps() {
    backward = true;
    try {
      for (int i = values.length - 1; i > 0; i--) {
        if (network.steps().get(i).active()) {
          TapeFrame frame = new TapeFrame(this, null, i);
          run(i, op -> op.backward(frame));
        }
      }
    } finally {
      backward = false;
    }
  }

  /**
   * A root of the loss's Hessian by the predictions of the last forward pass.
   *
   * @return the root, until the next forward pass
   * @throws IllegalArgumentException if the loss is not convex in the predictions
   */
  LossRoot root() {
    requireMeasuredForward();
    return loss.root(head);
  }

  /**
   * Backward pass of a vector over the predictions in place of the loss's own adjoint. The tape
   * then holds the adjoints of that, until its own backward pass runs again.
   *
   * @param seed writes the vector
   * @param gradient n values on the device, added to
   */
  void backward(Consumer<Buffer> seed, Buffer gradient) {
    requireMeasuredForward();
    recorded = Recorded.FORWARD;
    this.gradient = gradient;
    seed.accept(adjoints[adjoints.length - 1]);
    backwardThroughOps();
  }

  /**
   * How large undecided predictions of a softmax are, as {@link Loss#undecidedLogits}.
   *
   * @param limit what is of interest
   * @return after the last forward pass
   */
  public double undecidedLogits(double limit) {
    requireForward();
    return device.turns().take(() -> loss.undecidedLogits(head, limit));
  }

  /**
   * Predictions of the last forward pass.
   *
   * @return examples x outputShape values; the buffer may be longer
   */
  public Buffer output() {
    return values[values.length - 1];
  }

  /**
   * A value of the last forward pass.
   *
   * @param node position among {@link Network#steps}
   * @return examples x its shape; the buffer may be longer, and others may be in it after the next
   *     pass
   * @throws IllegalArgumentException if only the forward pass reads it, so that it is not kept
   */
  public Buffer output(int node) {
    requireForward();
    if (layout.passing(node)) {
      throw new IllegalArgumentException(
          "node: found " + node + ", whose value is not kept, expected one that other passes read");
    }
    return device.turns().take(() -> value(node));
  }

  /**
   * Sums of a statistic over the examples of the last forward pass, which is not run again.
   *
   * @param name of a {@link Statistic}
   * @return for each layer of {@link Network#layers}, one sum for each value
   * @throws IllegalStateException unless a forward pass was made, and, where the statistic needs
   *     the adjoints as work space, no backward pass after it
   */
  public List<double[]> statistic(String name) {
    try (Scope temporary = Scope.open()) {
      return submitStatistic(name, temporary).get();
    }
  }

  /**
   * {@link #statistic} that does not wait for the device.
   *
   * @param name of a {@link Statistic}
   * @param owner of the sums
   * @return waits and gives what {@link #statistic} gives, as long as the owner is open
   */
  public Supplier<List<double[]>> submitStatistic(String name, Scope owner) {
    requireForward();
    boolean adjointsFree = recorded == Recorded.FORWARD;
    return device.turns().take(() -> new TapeStatistics(this, adjointsFree).sums(name, owner));
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }

  private Buffer[] allocate(long[] perExample) {
    return Arrays.stream(perExample).mapToObj(this::allocate).toArray(Buffer[]::new);
  }

  private Buffer allocate(long perExample) {
    return device.allocate(scope, Math.multiplyExact(perExample, capacity));
  }

  private void requireForward() {
    if (recorded == Recorded.NOTHING) {
      throw new IllegalStateException("tape: expected a forward pass first");
    }
  }

  Network network() {
    return network;
  }

  Loss loss() {
    return loss;
  }

  Device device() {
    return device;
  }

  LossFrame head() {
    return head;
  }

  /** A tangent sweep needs the whole backward pass of the current batch, without dropout. */
  void requireMeasured() {
    require(Recorded.BACKWARD);
  }

  /** Gradients of single examples need the adjoints only. */
  void requireAdjoints() {
    require(Recorded.ADJOINTS);
  }

  /** A Gauss-Newton sweep brings its own adjoints. */
  void requireMeasuredForward() {
    if (recorded == Recorded.NOTHING || mode.training()) {
      throw new IllegalStateException("tape: expected a forward pass while measuring first");
    }
  }

  private void require(Recorded least) {
    if (recorded.compareTo(least) < 0 || mode.training()) {
      throw new IllegalStateException(
          "tape: expected a forward pass while measuring and then a backward pass");
    }
  }

  /**
   * Another backward pass is about to run over what ops saved: from here on the tape no longer can
   * be used for Hessians until its own backward pass runs again.
   */
  void overwriteSaved() {
    if (recorded == Recorded.BACKWARD) {
      recorded = Recorded.ADJOINTS;
    }
  }

  Mode mode() {
    return mode;
  }

  /**
   * Examples of the batch of the last forward pass.
   *
   * @return how many
   */
  public int examples() {
    return batch.examples();
  }

  /** Examples of the whole data set; adjoints and gradients are divided by it. */
  long totalExamples() {
    return totalExamples;
  }

  /** A value that later passes read, of the last forward pass, until another is in its slot. */
  Buffer value(int node) {
    if (givesAgain(node)) {
      giveValue(node, 0, examples());
    }
    return values[node];
  }

  /** An adjoint of the last backward pass, until another is in its slot. */
  Buffer adjoint(int node) {
    if (givesAdjointAgain(node)) {
      giveAdjoint(node, 0, examples());
    }
    return adjoints[node];
  }

  /** Arrays that stay as the last passes left them; adjoints if no other backward pass runs. */
  List<Buffer> kept(boolean withAdjoints) {
    requireForward();
    List<Buffer> kept = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      if (i == 0 || layout.valueSlot(i) < 0) {
        kept.add(values[i]);
      }
      if (withAdjoints && i > 0 && layout.keepsAdjoint(i)) {
        kept.add(adjoints[i]);
      }
    }
    return kept;
  }

  /** Where a value is, whatever is there now. */
  Buffer valueArray(int node) {
    return values[node];
  }

  /** Where an adjoint is, whatever is there now. */
  Buffer adjointArray(int node) {
    return adjoints[node];
  }

  /** Whether the pass that runs finds a value only if it is computed again. */
  boolean givesAgain(int node) {
    return !forward && layout.again(node);
  }

  /** Whether the pass that runs finds an adjoint only if it is computed again. */
  boolean givesAdjointAgain(int node) {
    return !backward && layout.giver(node) > 0;
  }

  /** Computes a value again, for some examples. */
  void giveValue(int node, int from, int count) {
    TapeFrame frame = new PartFrame(this, node, from, count);
    run(node, op -> op.forward(frame));
  }

  /** Computes an adjoint again, for some examples. */
  void giveAdjoint(int node, int from, int count) {
    int giver = layout.giver(node);
    TapeFrame frame = new PartFrame(this, giver, from, count);
    run(giver, op -> op.backward(frame));
  }

  SharedAdjoints adjoints() {
    return layout.sharing();
  }

  Buffer saved(int node, int i) {
    return saved[node][i];
  }

  Buffer constant(int node, int i) {
    return constants.get(node, i);
  }

  Buffer parameters() {
    return parameters;
  }

  Buffer gradient() {
    return gradient;
  }
}
