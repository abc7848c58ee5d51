package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.device.MemoryExhaustedException;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Mode;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

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
 */
public abstract sealed class NetworkOperator implements SymmetricOperator, AutoCloseable
    permits TangentOperator, EmpiricalFisher {

  private static final int DEFAULT_DIRECTIONS = 8;
  private static final Logger LOG = System.getLogger("dynaxx.operator");

  private final String name;
  private final Network network;
  private final Loss loss;
  private final Device device;
  private final Scope scope = Scope.open();
  private final long tangentBytes;
  private final Batch batch;
  private final List<Batch> parts = new ArrayList<>();
  private final List<Tape> tapes = new ArrayList<>();
  private final int examples;
  private final Buffer gradient;
  private Plan plan;
  private Scope workScope = scope.child();
  private Scope pointScope = scope.child();
  private Buffer discarded;
  private Buffer parameters;
  private double lossValue;
  private double gradientNorm;
  private Map<String, List<double[]>> statistics = Map.of();

  /**
   * Limits of an operator.
   *
   * @param memoryBytes bytes that activations and tangents may take, or 0 for the device's default
   * @param microBatch the most examples of a micro-batch, or 0 for as many as fit
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
   * Cuts the batch and allocates its recordings.
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
    this.plan = Plan.of(network, loss, batch.examples(), limits, device, tangentBytes);
    try {
      this.batch = batch.checked(network, loss).on(device, scope);
      gradient = device.allocate(scope, network.parameterCount());
      allocate();
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /** Allocates recordings; if there is less memory than the limit promised, by smaller parts. */
  private void allocate() {
    while (true) {
      try {
        for (int from = 0; from < examples; from += plan.part()) {
          parts.add(batch.slice(from, Math.min(plan.part(), examples - from)));
        }
        for (int i = 0; i < (plan.resident() ? parts.size() : 1); i++) {
          Tape tape = new Tape(network, loss, device, parts.get(i).examples());
          workScope.onClose(tape::close);
          tapes.add(tape);
        }
        discarded = plan.resident() ? null : device.allocate(workScope, network.parameterCount());
        return;
      } catch (MemoryExhaustedException e) {
        shrink(e);
      }
    }
  }

  /** Leaves nothing allocated, and a smaller plan if there is one. */
  private void shrink(MemoryExhaustedException cause) {
    parameters = null;
    parts.clear();
    tapes.clear();
    workScope.close();
    workScope = scope.child();
    released();
    plan = smaller(cause);
  }

  private Plan smaller(MemoryExhaustedException cause) {
    try {
      Limits limits = new Limits(plan.memory() / 2, plan.part(), plan.directions());
      Plan next = Plan.of(network, loss, examples, limits, device, tangentBytes);
      LOG.log(Level.WARNING, () -> name + ": " + cause.getMessage() + "; going on with " + next);
      return next;
    } catch (IllegalArgumentException e) {
      throw cause;
    }
  }

  /** Does work at a point; when memory runs out, once more from the recording of the point on. */
  private void at(Buffer point, Runnable work) {
    while (true) {
      try {
        if (tapes.isEmpty()) {
          allocate();
        }
        if (parameters == null) {
          record(point);
          parameters = point;
        }
        work.run();
        return;
      } catch (MemoryExhaustedException e) {
        shrink(e);
      }
    }
  }

  /**
   * Takes a new point: forward and backward once.
   *
   * @param values n parameters in host memory, or where the device computes; read in place where
   *     they are there already, so they must stay unchanged until the last product at this point
   * @return this
   * @throws IllegalArgumentException if the size does not fit
   * @throws NonFiniteException if the loss or the gradient is NaN or infinite
   */
  public NetworkOperator linearize(Buffer values) {
    if (values.size() != network.parameterCount()) {
      throw new IllegalArgumentException(
          "parameters: found " + values.size() + " values, expected " + network.parameterCount());
    }
    parameters = null;
    pointScope.close();
    pointScope = scope.child();
    Buffer point = device.place(pointScope, values);
    at(point, () -> {});
    return this;
  }

  private void record(Buffer point) {
    device.algebra().fill(gradient, 0);
    double sum = 0;
    Map<String, List<double[]>> sums = new LinkedHashMap<>();
    for (int i = 0; i < parts.size(); i++) {
      Tape tape = tapes.get(plan.resident() ? i : 0);
      sum += tape.forward(point, parts.get(i), examples, Mode.MEASURE);
      for (String statistic : network.statistics()) {
        sums.merge(statistic, tape.statistic(statistic), NetworkOperator::accumulate);
      }
      tape.backward(gradient);
    }
    lossValue = NonFiniteException.check("loss", sum);
    gradientNorm =
        NonFiniteException.check(
            "gradient norm", Math.sqrt(device.algebra().dot(gradient, gradient)));
    statistics = sums;
    moved();
  }

  private static List<double[]> accumulate(List<double[]> sums, List<double[]> more) {
    for (int i = 0; i < sums.size(); i++) {
      for (int h = 0; h < sums.get(i).length; h++) {
        sums.get(i)[h] += more.get(i)[h];
      }
    }
    return sums;
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
    Products.check(this, v, hv);
    requirePoint();
    at(parameters, () -> addAllProducts(v, hv));
  }

  private void addAllProducts(Vectors v, Vectors hv) {
    device.algebra().fill(hv.buffer(), 0);
    for (int i = 0; i < parts.size(); i++) {
      Tape tape = recorded(i);
      for (int from = 0; from < v.count(); from += plan.directions()) {
        int k = Math.min(plan.directions(), v.count() - from);
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
    Products.checkLength(this, "v", v);
    requirePoint();
    double[] sums = new double[v.count()];
    at(parameters, () -> addAllForms(v, sums));
    return sums;
  }

  private void addAllForms(Vectors v, double[] sums) {
    Arrays.fill(sums, 0);
    for (int i = 0; i < parts.size(); i++) {
      Tape tape = recorded(i);
      for (int from = 0; from < v.count(); from += plan.directions()) {
        int k = Math.min(plan.directions(), v.count() - from);
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
   * several times as slow as a form in float32. A network that {@linkplain Network#couplesExamples
   * couples its examples} is recorded as a whole, and there is no form if that does not fit the
   * memory limit.
   *
   * @throws IllegalStateException before {@link #linearize}
   */
  @Override
  public final OptionalDouble quadraticForm64(Buffer v) {
    requirePoint();
    Products.checkLength(this, "v", Vectors.of(v, 1, v.size()));
    Optional<Device> exact = device.float64();
    if (exact.isEmpty()) {
      return OptionalDouble.empty();
    }
    // Limits count four bytes a value, and these have eight.
    long oneExample = Tape.bytesPerExample(network, loss) + tangentBytes;
    long least = network.couplesExamples() ? examples * oneExample : oneExample;
    if (network.couplesExamples() && 2 * least > plan.memory()) {
      return OptionalDouble.empty();
    }
    Limits limits = new Limits(Math.max(least, plan.memory() / 16), 0, 1);
    try (Scope temporary = Scope.open();
        NetworkOperator twin = over(onHost(temporary), exact.get(), limits)) {
      twin.linearize(onHost(temporary, parameters));
      Buffer widened = exact.get().upload(temporary, onHost(temporary, v).segment());
      return OptionalDouble.of(twin.quadraticForm(Vectors.of(widened, 1, v.size()))[0]);
    }
  }

  private Batch onHost(Scope owner) {
    Buffer inputs = onHost(owner, batch.inputs());
    return new Batch(inputs, onHost(owner, batch.targets()), examples);
  }

  private HostBuffer onHost(Scope owner, Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host;
    }
    HostBuffer host = owner.allocate(buffer.size());
    device.download(buffer, host.segment());
    return host;
  }

  /** The same matrix over a batch in host memory, on another device. */
  abstract NetworkOperator over(Batch hostBatch, Device other, Limits limits);

  /** Adds a part's share of the products, for at most as many directions as planned. */
  abstract void addProducts(Tape tape, Vectors v, Vectors hv);

  /** A part's share of the quadratic forms, for at most as many directions as planned. */
  abstract double[] quadraticForms(Tape tape, Vectors v);

  /** There is a new point. */
  void moved() {}

  /** Whether a part that is recorded again needs its backward pass too. */
  abstract boolean usesAdjoints();

  /** A part's tape, recorded at the last point. */
  final Tape recorded(int part) {
    if (plan.resident()) {
      return tapes.get(part);
    }
    Tape tape = tapes.getFirst();
    tape.forward(parameters, parts.get(part), examples, Mode.MEASURE);
    if (usesAdjoints()) {
      tape.backward(discarded);
    }
    return tape;
  }

  final void requirePoint() {
    if (parameters == null) {
      throw new IllegalStateException(name + ": expected linearize(parameters) first");
    }
  }

  final Network network() {
    return network;
  }

  final Loss lossFunction() {
    return loss;
  }

  /** Owns work space, until memory runs out and it is cut anew. */
  final Scope workScope() {
    return workScope;
  }

  /** Work space has gone and is to be allocated again when needed. */
  abstract void released();

  final int parts() {
    return parts.size();
  }

  /** Directions of a sweep. */
  final int directions() {
    return plan.directions();
  }

  final long memoryLimit() {
    return plan.memory();
  }

  /** Memory limit less what the recordings take. */
  final long memoryBesideTapes() {
    long recorded = plan.resident() ? examples : plan.part();
    return plan.memory() - recorded * Tape.bytesPerExample(network, loss);
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
   * Mean loss over the batch.
   *
   * @return at the last point
   */
  public final double loss() {
    requirePoint();
    return lossValue;
  }

  /**
   * Gradient of the mean loss.
   *
   * @return n values on the device, overwritten by the next {@link #linearize}
   */
  public final Buffer gradient() {
    requirePoint();
    return gradient;
  }

  /**
   * Euclidean norm of the gradient.
   *
   * @return at the last point
   */
  public final double gradientNorm() {
    requirePoint();
    return gradientNorm;
  }

  /**
   * A statistic of the network's ops, from the forward pass of {@link #linearize}.
   *
   * @param name of a {@link dynaxx.network.Statistic}, for example {@code attention_entropy}
   * @return for each layer of {@link Network#layers}, the mean over examples and positions of each
   *     of its values; empty if no op has it
   */
  public final List<double[]> statistic(String name) {
    requirePoint();
    List<Network.Layer> layers = network.layers(name);
    List<double[]> means = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      double terms = (double) examples * layers.get(i).terms();
      means.add(Arrays.stream(statistics.get(name).get(i)).map(sum -> sum / terms).toArray());
    }
    return means;
  }

  /**
   * Examples of a micro-batch.
   *
   * @return the batch size if everything fits at once
   */
  public final int microBatch() {
    return plan.part();
  }

  /**
   * Whether each product records the micro-batches again because their recordings do not fit
   * together.
   *
   * @return true if a product costs up to one gradient more
   */
  public final boolean recomputes() {
    return !plan.resident();
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public final void close() {
    scope.close();
  }
}
