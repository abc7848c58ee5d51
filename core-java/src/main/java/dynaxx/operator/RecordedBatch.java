package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.device.MemoryExhaustedException;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.BatchPlan;
import dynaxx.network.pass.FixedFactors;
import dynaxx.network.pass.OpConstants;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A batch on a device and its recordings at a point: cut to stay within a memory limit, and made
 * smaller where the device has less memory than planned.
 */
final class RecordedBatch implements AutoCloseable {

  private static final Logger LOG = System.getLogger("dynaxx.operator");

  private static final double FLOAT32 = 0x1p-24;

  /** Error of a softmax from the rounding of its logits: that of products in float32. */
  private static final double LARGEST_NOISE = 1e-5;

  /** Of the memory limit, what parameters that are copied may take. */
  private static final int SMALL = 64;

  /** Of the memory limit, what vectors of recorded sweeps may take. */
  static final int RECORDED = 16;

  /** Whoever works with the recordings. */
  interface Owner {
    /**
     * There are new recordings.
     *
     * @param inPlace whether all arrays, also of the parameters and the batch, are those of the
     *     recordings before
     */
    void recorded(boolean inPlace);

    /** Work space has gone and is to be allocated again when needed. */
    void released();

    /** Whether a part that is recorded again needs its backward pass too. */
    boolean usesAdjoints();

    /** Whether recordings may be compact; asked before the owner is complete. */
    boolean takesCompact();
  }

  private record Pass(Tape tape, boolean back) {}

  private final String name;
  private final Owner owner;
  private final Network network;
  private final Loss loss;
  private final Device device;
  private final long tangentBytes;
  private final Scope scope = Scope.open();
  private final OpConstants constants;
  private final Buffer gradient;
  private final int examples;
  private Batch batch;
  private final List<Batch> parts = new ArrayList<>();
  private final List<Tape> tapes = new ArrayList<>();
  private BatchPlan plan;
  private Scope batchScope = scope.child();
  private Scope workScope = scope.child();
  private Scope pointScope = scope.child();
  private Buffer discarded;
  private Buffer point;

  /** Where parameters from the host are put at every point, so that they stay in place. */
  private Buffer own;

  /** The parameters' array of the last recordings, null if other arrays have changed since. */
  private Buffer recordedAt;

  /** Both passes of each tape, as the device has recorded them. */
  private final Map<Pass, Runnable> passes = new HashMap<>();

  private Scope passScope;

  /** The parameters' array that they were recorded with. */
  private Buffer passesAt;

  private boolean current;
  private double lossValue;
  private double gradientNorm;

  /** Whether statistics are taken with each point. */
  private boolean observed;

  /** Of the point, or null if they were not taken with it. */
  private Map<String, List<double[]>> statistics;

  /**
   * Places the batch and allocates the recordings.
   *
   * @param name for messages
   * @param tangentBytes memory of all sweeps for one example and one direction
   */
  RecordedBatch(
      String name,
      Owner owner,
      Network network,
      Loss loss,
      Batch batch,
      Device device,
      Limits limits,
      long tangentBytes) {
    this.name = name;
    this.owner = owner;
    this.network = network;
    this.loss = loss;
    this.device = device;
    this.examples = batch.examples();
    this.tangentBytes = tangentBytes;
    long memory = limits.memoryBytes() == 0 ? device.defaultMemoryLimit() : limits.memoryBytes();
    this.plan =
        BatchPlan.of(
            network,
            loss,
            examples,
            new BatchPlan.Limits(
                memory,
                limits.microBatch(),
                limits.directions(),
                device.records(),
                owner.takesCompact()),
            tangentBytes);
    try {
      this.batch = batch.checked(network, loss).on(device, batchScope);
      constants = new OpConstants(network, device, scope);
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
        cut();
        for (int i = 0; i < (plan.resident() ? parts.size() : 1); i++) {
          int capacity = parts.get(i).examples();
          Tape tape = new Tape(network, loss, device, capacity, constants, plan.compact());
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

  private void cut() {
    parts.clear();
    for (int from = 0; from < examples; from += plan.part()) {
      parts.add(batch.slice(from, Math.min(plan.part(), examples - from)));
    }
  }

  /** Leaves nothing allocated, and a smaller plan if there is one. */
  private void shrink(MemoryExhaustedException cause) {
    current = false;
    recordedAt = null;
    parts.clear();
    tapes.clear();
    passes.clear();
    passScope = null;
    passesAt = null;
    workScope.close();
    workScope = scope.child();
    owner.released();
    try {
      plan = smaller(cause);
    } catch (RuntimeException e) {
      point = null;
      throw e;
    }
  }

  private BatchPlan smaller(MemoryExhaustedException cause) {
    try {
      BatchPlan.Limits half =
          new BatchPlan.Limits(
              plan.memory() / 2,
              plan.part(),
              plan.directions(),
              device.records(),
              owner.takesCompact());
      BatchPlan next = BatchPlan.of(network, loss, examples, half, tangentBytes);
      LOG.log(Level.WARNING, () -> name + ": " + cause.getMessage() + "; going on with " + next);
      return next;
    } catch (IllegalArgumentException e) {
      throw cause;
    }
  }

  /** What was recorded no longer holds. */
  void forget() {
    point = null;
    current = false;
  }

  /** Takes other examples, as many as before; they are recorded at the next point. */
  void moveTo(Batch other) {
    Shape.requireSize("examples", other.examples(), examples);
    Scope next = scope.child();
    try {
      batch = other.checked(network, loss).on(device, next);
    } catch (RuntimeException | Error e) {
      next.close();
      throw e;
    }
    batchScope.close();
    batchScope = next;
    cut();
    point = null;
    recordedAt = null;
    passesAt = null;
    current = false;
  }

  /** Records the batch at a point. */
  void moveTo(Buffer values) {
    Shape.requireSize("parameters", values.size(), network.parameterCount());
    point = null;
    current = false;
    pointScope.close();
    pointScope = scope.child();
    point = inPlace(values, device.place(pointScope, values));
    try {
      with(() -> {});
    } catch (RuntimeException | Error e) {
      point = null;
      throw e;
    }
  }

  /** Recorded work finds parameters where it has found them before; that pays for short vectors. */
  private Buffer inPlace(Buffer values, Buffer placed) {
    boolean uploaded = values instanceof HostBuffer && placed != values;
    boolean small = values.size() * Float.BYTES <= plan.memory() / SMALL;
    if (!uploaded || !small || !device.records()) {
      return placed;
    }
    if (own == null) {
      own = device.allocate(scope, values.size());
    }
    device.algebra().copy(placed, own);
    pointScope.close();
    pointScope = scope.child();
    return own;
  }

  /** Does work with the recordings; when memory runs out, once more from recording on. */
  void with(Runnable work) {
    while (true) {
      try {
        if (tapes.isEmpty()) {
          allocate();
        }
        if (!current) {
          record();
          current = true;
        }
        work.run();
        return;
      } catch (MemoryExhaustedException e) {
        shrink(e);
      }
    }
  }

  private void record() {
    if (passesAt != point) {
      renewPasses();
    }
    device.algebra().fill(gradient, 0);
    double sum = 0;
    Map<String, List<double[]>> sums = new LinkedHashMap<>();
    for (int i = 0; i < parts.size(); i++) {
      Tape tape = tapes.get(plan.resident() ? i : 0);
      sum += record(tape, parts.get(i), sums);
    }
    lossValue = NonFiniteException.check("loss", sum);
    gradientNorm =
        NonFiniteException.check(
            "gradient norm", Math.sqrt(device.algebra().dot(gradient, gradient)));
    statistics = observed || network.statistics().isEmpty() ? sums : null;
    owner.recorded(recordedAt == point);
    recordedAt = point;
  }

  /** Passes that were recorded hold for the arrays that they were recorded with. */
  private void renewPasses() {
    passes.clear(); // also where closing fails
    Scope last = passScope;
    passScope = workScope.child();
    passesAt = point;
    if (last != null) {
      last.close();
    }
  }

  /**
   * Does a pass of a tape that keeps its recording, from the second time on by the device's own.
   */
  private Consumer<Runnable> how(Tape tape, boolean back) {
    if (!plan.resident() || !loss.recordable()) {
      return Runnable::run;
    }
    return work ->
        passes
            .computeIfAbsent(new Pass(tape, back), pass -> device.recording(passScope, work))
            .run();
  }

  /** Refuses a softmax that the rounding of its logits changes too much. */
  static void requireResolved(String name, Device device, Tape tape) {
    double unit = Math.min(FLOAT32, device.unitRoundoff());
    double size = tape.undecidedLogits(LARGEST_NOISE / unit);
    if (size * unit > LARGEST_NOISE) {
      throw new UntrustworthyOperatorException(
          String.format(
              Locale.ROOT,
              "%s: found an example whose logits lie %.0f from zero where its softmax is undecided,"
                  + " so that rounding changes it by %.0e, expected at most %.0e: take the part"
                  + " that all classes have in common out of the last layer, or measure in float64",
              name,
              size,
              size * unit,
              LARGEST_NOISE));
    }
  }

  /** Submits both passes before it waits for what the first one gives. */
  private double record(Tape tape, Batch part, Map<String, List<double[]>> sums) {
    try (Scope temporary = Scope.open()) {
      tape.submitForward(point, part, examples, how(tape, false));
      Map<String, Supplier<List<double[]>>> submitted = new LinkedHashMap<>();
      for (String statistic : observed ? network.statistics() : Set.<String>of()) {
        submitted.put(statistic, tape.submitStatistic(statistic, temporary));
      }
      tape.backward(gradient, how(tape, true));
      requireResolved(name, device, tape);
      submitted.forEach(
          (name, values) -> sums.merge(name, values.get(), RecordedBatch::accumulate));
      return tape.lossOfForward();
    }
  }

  private static List<double[]> accumulate(List<double[]> sums, List<double[]> more) {
    for (int i = 0; i < sums.size(); i++) {
      for (int h = 0; h < sums.get(i).length; h++) {
        sums.get(i)[h] += more.get(i)[h];
      }
    }
    return sums;
  }

  /** A part's tape, recorded at the point as its owner needs it. */
  Tape tape(int part) {
    return tape(part, owner.usesAdjoints());
  }

  /** A part's tape, recorded at the point. */
  Tape tape(int part, boolean adjoints) {
    if (plan.resident()) {
      return tapes.get(part);
    }
    Tape tape = tapes.getFirst();
    tape.submitForward(point, parts.get(part), examples);
    if (adjoints) {
      tape.backward(discarded);
    }
    return tape;
  }

  int parts() {
    return parts.size();
  }

  BatchPlan plan() {
    return plan;
  }

  Batch batch() {
    return batch;
  }

  /** The parameters on the device, or null before the first point. */
  Buffer point() {
    return point;
  }

  Buffer gradient() {
    return gradient;
  }

  double loss() {
    return lossValue;
  }

  double gradientNorm() {
    return gradientNorm;
  }

  /** From now on statistics are taken with each point. */
  void observe() {
    observed = true;
  }

  /** Sums over the batch of a statistic, for each layer; records again if they were not taken. */
  List<double[]> statistic(String statistic) {
    if (statistics == null) {
      observed = true;
      try {
        current = false;
        with(() -> {});
      } finally {
        observed = false;
      }
    }
    return statistics.getOrDefault(statistic, List.of());
  }

  /** Owns work space, until memory runs out and it is cut again. */
  Scope workScope() {
    return workScope;
  }

  /** What products over the recordings have in common, for as long as they stay in place. */
  FixedFactors fixed(Scope owned) {
    if (!plan.resident()) {
      return FixedFactors.NONE;
    }
    long sweeps = (long) plan.part() * plan.directions() * tangentBytes;
    long free = memoryBesideTapes() - sweeps - plan.memory() / RECORDED;
    return FixedFactors.of(device, point, tapes, owner.usesAdjoints(), free, owned);
  }

  /** Memory limit less what the recordings take. */
  long memoryBesideTapes() {
    long recorded = plan.resident() ? examples : plan.part();
    return plan.memory() - recorded * Tape.bytesPerExample(network, loss, plan.compact());
  }

  @Override
  public void close() {
    scope.close();
  }
}
