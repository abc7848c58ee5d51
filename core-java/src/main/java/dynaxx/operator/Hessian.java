package dynaxx.operator;

import dynaxx.backend.Backend;
import dynaxx.backend.Scalars;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Mode;
import dynaxx.network.Network;
import dynaxx.network.TangentSweep;
import dynaxx.network.TangentSweep.Kind;
import dynaxx.network.Tape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The Hessian of a loss over a fixed batch, at the parameters of the last {@link #linearize}: one
 * forward and one backward pass, kept; every product after that is tangent passes only
 * (Pearlmutter, 1994), k directions at once.
 *
 * <p>When activations of the whole batch do not fit the memory limit, the batch is worked through
 * in micro-batches whose contributions add up to the same sum. If their recordings do not fit
 * together either, each product records every micro-batch again, one gradient's work more; {@link
 * #recomputes} says so.
 */
public final class Hessian implements SymmetricOperator, AutoCloseable {

  private static final int DEFAULT_DIRECTIONS = 8;

  private final Network network;
  private final Loss loss;
  private final Backend backend;
  private final Scope scope = Scope.open();
  private final Plan plan;
  private final List<Batch> parts = new ArrayList<>();
  private final List<Tape> tapes = new ArrayList<>();
  private final int examples;
  private final Buffer gradient;
  private final Buffer discarded;
  private TangentSweep products;
  private TangentSweep forms;
  private Scope pointScope = scope.child();
  private Buffer parameters;
  private double lossValue;
  private double gradientNorm;
  private List<double[]> entropies = List.of();

  /**
   * How a batch is cut: examples of a part, directions of a sweep, and whether every part keeps its
   * recording.
   */
  private record Plan(int part, int directions, boolean resident) {}

  /**
   * Limits of a Hessian.
   *
   * @param memoryBytes bytes that activations and tangents may take, or 0 for the backend's default
   * @param microBatch the most examples of a micro-batch, or 0 for as many as fit
   * @param directions the most directions of one sweep, at least 1
   */
  public record Limits(long memoryBytes, int microBatch, int directions) {

    /** The backend's memory limit, micro-batches only when needed, 8 directions at once. */
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
   * The Hessian over a batch with default limits.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param backend where to compute
   */
  public Hessian(Network network, Loss loss, Batch batch, Backend backend) {
    this(network, loss, batch, backend, Limits.DEFAULT);
  }

  /**
   * The Hessian over a batch.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param backend where to compute
   * @param limits memory, micro-batch and directions
   * @throws IllegalArgumentException if the batch does not fit the network and the loss, or one
   *     example does not fit the memory limit
   */
  public Hessian(Network network, Loss loss, Batch batch, Backend backend, Limits limits) {
    this.network = network;
    this.loss = loss;
    this.backend = backend;
    this.examples = batch.examples();
    this.plan = plan(network, loss, batch.examples(), limits, backend);
    try {
      Batch uploaded = batch.checked(network, loss).on(backend, scope);
      for (int from = 0; from < examples; from += plan.part()) {
        parts.add(uploaded.slice(from, Math.min(plan.part(), examples - from)));
      }
      for (int i = 0; i < (plan.resident() ? parts.size() : 1); i++) {
        Tape tape = new Tape(network, loss, backend, parts.get(i).examples());
        scope.onClose(tape::close);
        tapes.add(tape);
      }
      gradient = backend.allocate(scope, network.parameterCount());
      discarded = plan.resident() ? null : backend.allocate(scope, network.parameterCount());
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private static Plan plan(
      Network network, Loss loss, int examples, Limits limits, Backend backend) {
    long memory = limits.memoryBytes() == 0 ? backend.defaultMemoryLimit() : limits.memoryBytes();
    long tape = Tape.bytesPerExample(network, loss);
    long tangents =
        TangentSweep.bytesPerExample(network, Kind.PRODUCT)
            + TangentSweep.bytesPerExample(network, Kind.QUADRATIC);
    int most = limits.microBatch() == 0 ? examples : Math.min(limits.microBatch(), examples);
    for (int k = limits.directions(); k >= 1; k /= 2) {
      long beside = memory - examples * tape;
      long resident = Math.min(most, beside / (k * tangents));
      if (resident >= Math.min(most, 16)) {
        return new Plan((int) resident, k, true);
      }
    }
    for (int k = limits.directions(); k >= 1; k /= 2) {
      long recomputed = Math.min(most, memory / (tape + k * tangents));
      if (recomputed >= (k == 1 ? 1 : Math.min(most, 16))) {
        return new Plan((int) recomputed, k, false);
      }
    }
    throw new IllegalArgumentException(
        "memory limit: found "
            + memory
            + " bytes, expected at least "
            + (tape + tangents)
            + " for one example");
  }

  /**
   * Takes a new point: forward and backward once.
   *
   * @param values n parameters in host memory; a backend that computes in host memory reads them in
   *     place, so they must stay unchanged until the last product at this point
   * @return this
   * @throws IllegalArgumentException if the size does not fit
   * @throws NonFiniteException if the loss or the gradient is NaN or infinite
   */
  public Hessian linearize(HostBuffer values) {
    if (values.size() != network.parameterCount()) {
      throw new IllegalArgumentException(
          "parameters: found " + values.size() + " values, expected " + network.parameterCount());
    }
    parameters = null;
    pointScope.close();
    pointScope = scope.child();
    Buffer point = backend.upload(pointScope, values.segment());
    backend.fill(gradient, 0);
    double sum = 0;
    List<double[]> entropySums = null;
    for (int i = 0; i < parts.size(); i++) {
      Tape tape = tapes.get(plan.resident() ? i : 0);
      sum += tape.forward(point, parts.get(i), examples, Mode.MEASURE);
      tape.backward(gradient);
      entropySums = accumulate(entropySums, tape.attentionEntropySums());
    }
    lossValue = NonFiniteException.check("loss", sum);
    gradientNorm =
        NonFiniteException.check("gradient norm", Math.sqrt(backend.dot(gradient, gradient)));
    entropies = entropySums;
    parameters = point;
    return this;
  }

  private static List<double[]> accumulate(List<double[]> sums, List<double[]> more) {
    if (sums == null) {
      return more;
    }
    for (int i = 0; i < sums.size(); i++) {
      for (int h = 0; h < sums.get(i).length; h++) {
        sums.get(i)[h] += more.get(i)[h];
      }
    }
    return sums;
  }

  @Override
  public long dimension() {
    return network.parameterCount();
  }

  @Override
  public Backend backend() {
    return backend;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException before {@link #linearize}
   */
  @Override
  public void apply(Vectors v, Vectors hv) {
    Products.check(this, v, hv);
    requirePoint();
    if (products == null) {
      products = sweep(Kind.PRODUCT);
    }
    backend.fill(hv.buffer(), 0);
    for (int i = 0; i < parts.size(); i++) {
      Tape tape = recorded(i);
      for (int from = 0; from < v.count(); from += plan.directions()) {
        int k = Math.min(plan.directions(), v.count() - from);
        products.addProducts(tape, v.subset(from, k), hv.subset(from, k));
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
  public double[] quadraticForm(Vectors v) {
    Products.checkLength(this, "v", v);
    requirePoint();
    if (forms == null) {
      forms = sweep(Kind.QUADRATIC);
    }
    double[] sums = new double[v.count()];
    try (Scope temporary = Scope.open()) {
      Scalars scalars = backend.scalars(temporary, plan.directions());
      for (int i = 0; i < parts.size(); i++) {
        Tape tape = recorded(i);
        for (int from = 0; from < v.count(); from += plan.directions()) {
          int k = Math.min(plan.directions(), v.count() - from);
          scalars.clear();
          forms.addQuadraticForms(tape, v.subset(from, k), scalars);
          double[] part = scalars.read();
          for (int j = 0; j < k; j++) {
            sums[from + j] += part[j];
          }
        }
      }
    }
    return sums;
  }

  private TangentSweep sweep(Kind kind) {
    TangentSweep sweep =
        new TangentSweep(network, kind, backend, parts.getFirst().examples(), plan.directions());
    scope.onClose(sweep::close);
    return sweep;
  }

  private Tape recorded(int part) {
    if (plan.resident()) {
      return tapes.get(part);
    }
    Tape tape = tapes.getFirst();
    tape.forward(parameters, parts.get(part), examples, Mode.MEASURE);
    tape.backward(discarded);
    return tape;
  }

  private void requirePoint() {
    if (parameters == null) {
      throw new IllegalStateException("hessian: expected linearize(parameters) first");
    }
  }

  /**
   * Mean loss over the batch.
   *
   * @return at the last point
   */
  public double loss() {
    requirePoint();
    return lossValue;
  }

  /**
   * Gradient of the mean loss.
   *
   * @return n values on the backend, overwritten by the next {@link #linearize}
   */
  public Buffer gradient() {
    requirePoint();
    return gradient;
  }

  /**
   * Euclidean norm of the gradient.
   *
   * @return at the last point
   */
  public double gradientNorm() {
    requirePoint();
    return gradientNorm;
  }

  /**
   * Mean entropy of the attention rows, in nats, from the same forward pass.
   *
   * @return for each attention op, in order, the mean over examples and queries of each head; empty
   *     without attention
   */
  public List<double[]> attentionEntropy() {
    requirePoint();
    List<Integer> queries = network.attentionTokens();
    List<double[]> means = new ArrayList<>();
    for (int i = 0; i < entropies.size(); i++) {
      double rows = (double) examples * queries.get(i);
      means.add(Arrays.stream(entropies.get(i)).map(sum -> sum / rows).toArray());
    }
    return means;
  }

  /**
   * Examples of a micro-batch.
   *
   * @return the batch size if everything fits at once
   */
  public int microBatch() {
    return plan.part();
  }

  /**
   * Whether each product records the micro-batches again because their recordings do not fit
   * together.
   *
   * @return true if a product costs one gradient more
   */
  public boolean recomputes() {
    return !plan.resident();
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }
}
