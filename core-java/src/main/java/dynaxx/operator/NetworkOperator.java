package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.ExampleNorms;
import dynaxx.network.pass.FisherSweep;
import dynaxx.network.pass.ParameterGradients;
import dynaxx.network.pass.Tape;
import dynaxx.network.pass.TapeStatistics;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A matrix that belongs to the loss of a network over a fixed batch, at the parameters of the last
 * {@link #linearize}: one forward and one backward pass, kept; every product after that plays k
 * directions at once over the recording.
 *
 * <p>When activations of the whole batch do not fit the memory limit, the batch is worked through
 * in micro-batches whose contributions add up to the same sum. If their recordings do not fit
 * together either, each product records every micro-batch again; {@link #recomputes} says so. A
 * network that {@linkplain Network#couplesExamples couples its examples} is not cut: the whole
 * batch must fit.
 *
 * <p>Operators of one device may be used from several threads, and take turns; one operator serves
 * one thread at a time.
 */
public abstract sealed class NetworkOperator implements SymmetricOperator
    permits TangentOperator, EmpiricalFisher {

  private static final int DEFAULT_DIRECTIONS = 8;

  private final String name;
  private final Network network;
  private final Loss loss;
  private final Device device;
  private final long tangentBytes;
  private final int examples;
  private final RecordedBatch recorded;

  /**
   * Limits of an operator.
   *
   * @param memoryBytes bytes that activations and tangents may take, or 0 for the device's default
   * @param microBatch the most examples of a micro-batch, or 0 for as many as pay
   * @param directions the most directions of one sweep, at least 1
   */
  public record Limits(long memoryBytes, int microBatch, int directions) {

    /** The device's memory limit, micro-batches only when needed, 8 directions at once. */
    public static final Limits DEFAULT = new Limits(0, 0, DEFAULT_DIRECTIONS);

    /**
     * Checks the values.
     *
     * @param memoryBytes bytes
     * @param microBatch examples
     * @param directions directions
     */
    public Limits {
      if (memoryBytes < 0 || microBatch < 0 || directions < 1) {
        throw new IllegalArgumentException(
            "limits: found memory "
                + memoryBytes
                + ", micro-batch "
                + microBatch
                + ", directions "
                + directions
                + ", expected at least 0, 0 and 1");
      }
    }
  }

  /**
   * Places the batch and allocates its recordings.
   *
   * @param name for messages
   * @param tangentBytes memory of all sweeps for one example and one direction
   */
  NetworkOperator(
      String name,
      Network network,
      Loss loss,
      Batch batch,
      Device device,
      Limits limits,
      long tangentBytes) {
    this.name = name;
    this.network = network;
    this.loss = loss;
    this.device = device;
    this.examples = batch.examples();
    this.tangentBytes = tangentBytes;
    RecordedBatch.Owner owner =
        new RecordedBatch.Owner() {
          @Override
          public void recorded(boolean inPlace) {
            moved(inPlace);
          }

          @Override
          public void released() {
            NetworkOperator.this.released();
          }

          @Override
          public boolean usesAdjoints() {
            return NetworkOperator.this.usesAdjoints();
          }

          @Override
          public boolean takesCompact() {
            return NetworkOperator.this.takesCompact();
          }
        };
    recorded =
        device
            .turns()
            .take(
                () ->
                    new RecordedBatch(
                        name, owner, network, loss, batch, device, limits, tangentBytes));
  }

  /** Waits for the device; refuses a second thread. */
  final <T> T exclusively(Supplier<T> work) {
    return device.turns().serve(this, name, work);
  }

  private void exclusively(Runnable work) {
    exclusively(
        () -> {
          work.run();
          return null;
        });
  }

  /**
   * Takes a new point: forward and backward once.
   *
   * @param values n parameters in host memory, or where the device computes; read in place where
   *     they are there already, so they must stay unchanged until the last product at this point
   * @return this
   * @throws IllegalArgumentException if the size does not fit
   * @throws NonFiniteException if the loss or the gradient is NaN or infinite
   * @throws UntrustworthyOperatorException if logits lie so far from zero that rounding changes a
   *     softmax by more than 1e-5
   */
  public NetworkOperator linearize(Buffer values) {
    exclusively(() -> recorded.moveTo(values));
    return this;
  }

  /**
   * Takes other examples, as many as before, at the next {@link #linearize}.
   *
   * @param batch examples and targets; their memory must stay unchanged
   * @return this
   * @throws IllegalArgumentException if their number differs
   */
  public NetworkOperator batch(Batch batch) {
    exclusively(() -> recorded.moveTo(batch));
    return this;
  }

  @Override
  public final long dimension() {
    return network.parameterCount();
  }

  @Override
  public final Device device() {
    return device;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException before {@link #linearize}
   */
  @Override
  public final void apply(Vectors v, Vectors hv) {
    Operands.check(this, v, hv);
    requirePoint();
    exclusively(() -> recorded.with(() -> addAllProducts(v, hv)));
  }

  private void addAllProducts(Vectors v, Vectors hv) {
    device.algebra().fill(hv.buffer(), 0);
    for (int i = 0; i < recorded.parts(); i++) {
      Tape tape = recorded.tape(i);
      for (int from = 0; from < v.count(); from += directions()) {
        int k = Math.min(directions(), v.count() - from);
        addProducts(tape, v.subset(from, k), hv.subset(from, k));
      }
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>Costs half a product and keeps no tangent beyond its layer.
   *
   * @throws IllegalStateException before {@link #linearize}
   */
  @Override
  public final double[] quadraticForm(Vectors v) {
    Operands.checkLength(this, "v", v);
    requirePoint();
    double[] sums = new double[v.count()];
    exclusively(() -> recorded.with(() -> addAllForms(v, sums)));
    return sums;
  }

  private void addAllForms(Vectors v, double[] sums) {
    Arrays.fill(sums, 0);
    for (int i = 0; i < recorded.parts(); i++) {
      Tape tape = recorded.tape(i);
      for (int from = 0; from < v.count(); from += directions()) {
        int k = Math.min(directions(), v.count() - from);
        double[] part = quadraticForms(tape, v.subset(from, k));
        for (int j = 0; j < k; j++) {
          sums[from + j] += part[j];
        }
      }
    }
  }

  /**
   * {@inheritDoc}
   *
   * <p>Records the batch again in float64, in micro-batches of an eighth of the memory limit:
   * several times as slow as a form in float32. Of the parameters and v, only those of a layer are
   * there in float64 at a time. A network that {@linkplain Network#couplesExamples couples its
   * examples} is recorded as a whole, and there is no form if that does not fit the memory limit.
   *
   * @throws IllegalStateException before {@link #linearize}
   */
  @Override
  public final OptionalDouble quadraticForm64(Buffer v) {
    requirePoint();
    Operands.checkLength(this, "v", Vectors.of(v, 1, v.size()));
    return exclusively(() -> Float64Twin.form(this, recorded, v));
  }

  /**
   * Gradients of consecutive micro-batches, from the recording: only the products that give the
   * parameters' gradients are computed again, a third of a gradient's.
   *
   * @param size examples of a micro-batch; those left over at the end make a smaller one
   * @param each receives the gradient of each micro-batch's mean loss, n values on the device that
   *     the next one overwrites; must not use this operator, nor wait for another thread that uses
   *     the device
   * @throws IllegalStateException before {@link #linearize}
   * @throws IllegalArgumentException if the size is out of range, or the network couples its
   *     examples
   */
  public final void microBatchGradients(int size, Consumer<Buffer> each) {
    requirePoint();
    requireSeparateExamples("gradients of micro-batches");
    if (size < 1 || size > examples) {
      throw new IllegalArgumentException(
          "size: found " + size + " examples, expected from 1 to " + examples);
    }
    exclusively(
        () -> {
          int[] delivered = new int[1];
          recorded.with(
              () -> {
                try (Scope temporary = Scope.open()) {
                  Buffer sum = device.allocate(temporary, network.parameterCount());
                  addMicroBatches(size, sum, each, delivered);
                }
              });
        });
  }

  private void requireSeparateExamples(String what) {
    network.requireSeparateExamples(what);
    loss.requireSeparateExamples(what);
  }

  /** Where memory ran out and this runs again, what was delivered is not delivered twice. */
  private void addMicroBatches(int size, Buffer sum, Consumer<Buffer> each, int[] delivered) {
    int first = 0;
    int taken = 0;
    for (int i = 0; i < recorded.parts(); i++) {
      Tape tape = recorded.tape(i, true);
      for (int from = 0; from < tape.examples(); ) {
        int wanted = Math.min(size, examples - first);
        if (taken == 0) {
          device.algebra().fill(sum, 0);
        }
        int count = Math.min(wanted - taken, tape.examples() - from);
        ParameterGradients.add(tape, from, count, sum);
        from += count;
        taken += count;
        if (taken == wanted) {
          if (first / size == delivered[0]) {
            device.algebra().axpby(0, sum, (double) examples / wanted, sum);
            delivered[0]++;
            each.accept(sum);
          }
          first += wanted;
          taken = 0;
        }
      }
    }
  }

  /**
   * Squared norms of the gradients of the examples' own losses, out of the recording.
   *
   * @param memoryBytes bytes that work space may take
   * @return one value for each example, not checked for finiteness
   * @throws IllegalStateException before {@link #linearize}
   * @throws IllegalArgumentException if the memory is too small for the gradient of one example in
   *     its largest layer, or the network couples its examples
   */
  public final double[] squaredExampleNorms(long memoryBytes) {
    requirePoint();
    double[] norms = new double[examples];
    exclusively(
        () -> {
          recorded.with(
              () -> {
                try (ExampleNorms work =
                    new ExampleNorms(network, device, microBatch(), memoryBytes)) {
                  eachExample(norms, work::squared);
                }
              });
        });
    return norms;
  }

  /**
   * Derivative of each example's own loss along a direction, {@code g_i'v}, out of the recording.
   *
   * @param v n values on the device
   * @return one value for each example, not checked for finiteness
   * @throws IllegalStateException before {@link #linearize}
   * @throws IllegalArgumentException if the length does not fit, or the network couples its
   *     examples
   */
  public final double[] exampleDerivatives(Buffer v) {
    requirePoint();
    requireSeparateExamples("derivatives of examples");
    Shape.requireSize("v", v.size(), network.parameterCount());
    double[] derivatives = new double[examples];
    exclusively(
        () -> {
          Vectors direction = Vectors.of(v, 1, v.size());
          recorded.with(
              () -> {
                try (FisherSweep sweep = new FisherSweep(network, device, microBatch(), 1)) {
                  eachExample(derivatives, tape -> sweep.derivatives(tape, direction)[0]);
                }
              });
        });
    return derivatives;
  }

  private interface ExampleValues {
    double[] of(Tape tape);
  }

  private void eachExample(double[] values, ExampleValues part) {
    int filled = 0;
    for (int i = 0; i < recorded.parts(); i++) {
      double[] some = part.of(recorded.tape(i, true));
      System.arraycopy(some, 0, values, filled, some.length);
      filled += some.length;
    }
  }

  /** Quadratic forms on another device, in one direction and for at most so many examples. */
  abstract Float64Twin.Form form(Device other, int capacity, Scope scope);

  /** Adds a part's share of the products, for at most as many directions as planned. */
  abstract void addProducts(Tape tape, Vectors v, Vectors hv);

  /** A part's share of the quadratic forms, for at most as many directions as planned. */
  abstract double[] quadraticForms(Tape tape, Vectors v);

  /** There is a new point; {@code inPlace} if all arrays are those of the point before. */
  void moved(boolean inPlace) {}

  /** Whether a part that is recorded again needs its backward pass too. */
  abstract boolean usesAdjoints();

  /**
   * Whether recordings may be compact, which leaves less beside them; depends on the class only.
   */
  abstract boolean takesCompact();

  /** Work space has gone and is to be allocated again when needed. */
  abstract void released();

  final void requirePoint() {
    if (recorded.point() == null) {
      throw new IllegalStateException(name + ": expected linearize(parameters) first");
    }
  }

  final RecordedBatch recordings() {
    return recorded;
  }

  final String name() {
    return name;
  }

  final Network network() {
    return network;
  }

  final Loss lossFunction() {
    return loss;
  }

  final long tangentBytes() {
    return tangentBytes;
  }

  /** Directions of a sweep. */
  final int directions() {
    return recorded.plan().directions();
  }

  /**
   * Examples of the batch.
   *
   * @return N
   */
  public final int examples() {
    return examples;
  }

  /**
   * The parameters of the last point, where the device computes.
   *
   * @return n values, as long as the operator stays at this point
   */
  public final Buffer parameters() {
    requirePoint();
    return recorded.point();
  }

  /**
   * Mean loss over the batch.
   *
   * @return at the last point
   */
  public final double loss() {
    requirePoint();
    return recorded.loss();
  }

  /**
   * Gradient of the mean loss.
   *
   * @return n values on the device, overwritten by the next {@link #linearize}
   */
  public final Buffer gradient() {
    requirePoint();
    return recorded.gradient();
  }

  /**
   * Euclidean norm of the gradient.
   *
   * @return at the last point
   */
  public final double gradientNorm() {
    requirePoint();
    return recorded.gradientNorm();
  }

  /**
   * Takes the network's statistics with every point from now on. That costs a few passes over the
   * values of some layers; asking for a {@link #statistic} that was not taken costs a gradient.
   *
   * @return this
   */
  public final NetworkOperator observeStatistics() {
    exclusively(recorded::observe);
    return this;
  }

  /**
   * A statistic of the network's ops, from the forward pass at the point of {@link #linearize}. If
   * it was not {@linkplain #observeStatistics taken} then, the batch is recorded again.
   *
   * @param statistic name of a {@link dynaxx.network.op.Op.Statistic}, for example {@code
   *     attention_entropy}
   * @return for each layer of {@link Network#layers}, the mean over examples and positions of each
   *     of its values; empty if no op has it
   */
  public final List<double[]> statistic(String statistic) {
    requirePoint();
    return exclusively(
        () -> TapeStatistics.means(network, statistic, recorded.statistic(statistic), examples));
  }

  /**
   * Examples of a micro-batch.
   *
   * @return the batch size if everything fits at once
   */
  public final int microBatch() {
    return recorded.plan().part();
  }

  /**
   * Whether each product records the micro-batches again because their recordings do not fit
   * together.
   *
   * @return true if a product costs up to one gradient more
   */
  public final boolean recomputes() {
    return !recorded.plan().resident();
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public final void close() {
    exclusively(
        () -> {
          recorded.close();
          closed();
        });
  }

  /** Frees what else it holds. */
  void closed() {}
}
