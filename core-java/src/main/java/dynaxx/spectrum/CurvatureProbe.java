package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Snapshot.SubsetSpread;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * Measures the curvature of a network's loss over one fixed subset, as often as you like while the
 * network trains. Pass it the parameters whenever a {@link Snapshot} is due. The subset, the start
 * vectors and the random probes are the same every time, so that only the network changes. Nothing
 * of the host is written.
 *
 * <p>Half of the memory limit goes to activations and tangents, a quarter to Krylov bases, and a
 * quarter to what is measured after them. Where a quarter does not hold the bases of 15 steps, they
 * get more, and activations less, down to an eighth. In addition, a few dozen vectors as long as
 * the parameters are needed for gradients and stored Ritz vectors.
 */
public final class CurvatureProbe implements AutoCloseable {

  /** Vectors of 15 Lanczos steps, with those beside them. */
  private static final int KRYLOV_VECTORS = 18;

  private final Network network;
  private final Loss loss;
  private final Batch subset;
  private final Device device;
  private final long memory;
  private final Scope scope = Scope.open();
  private final Batch placed;
  private final Hessian hessian;
  private final SpectrumProbe spectrum = new SpectrumProbe();

  /**
   * A probe with the device's default memory limit.
   *
   * @param network the network
   * @param loss its loss
   * @param subset examples and targets; their memory must stay unchanged
   * @param device where to compute
   */
  public CurvatureProbe(Network network, Loss loss, Batch subset, Device device) {
    this(network, loss, subset, device, device.defaultMemoryLimit());
  }

  /**
   * A probe with a memory limit.
   *
   * @param network the network
   * @param loss its loss
   * @param subset examples and targets; their memory must stay unchanged
   * @param device where to compute
   * @param memoryBytes a positive limit
   * @throws IllegalArgumentException if the subset does not fit the network and the loss, or the
   *     limit is too small for one example
   */
  public CurvatureProbe(Network network, Loss loss, Batch subset, Device device, long memoryBytes) {
    if (memoryBytes < 1) {
      throw new IllegalArgumentException(
          "memoryBytes: found " + memoryBytes + ", expected at least 1");
    }
    this.network = network;
    this.loss = loss;
    this.subset = subset;
    this.device = device;
    this.memory = memoryBytes;
    try {
      placed = subset.checked(network, loss).on(device, scope);
      hessian = hessian(placed, recordingBytes(memoryBytes, network.parameterCount()));
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * The part of a memory limit that Krylov bases get.
   *
   * @param memoryBytes the limit
   * @param parameters how many the network has
   * @return bytes
   */
  public static long krylovBytes(long memoryBytes, long parameters) {
    long basis = KRYLOV_VECTORS * parameters * Float.BYTES;
    return Math.max(memoryBytes / 4, Math.min(basis, memoryBytes / 4 * 3));
  }

  /**
   * The part of a memory limit that activations and tangents get.
   *
   * @param memoryBytes the limit
   * @param parameters how many the network has
   * @return bytes
   */
  public static long recordingBytes(long memoryBytes, long parameters) {
    long more = krylovBytes(memoryBytes, parameters) - memoryBytes / 4;
    return Math.max(memoryBytes / 8, memoryBytes / 2 - more);
  }

  private Hessian hessian(Batch batch, long bytes) {
    int directions = Hessian.Limits.DEFAULT.directions();
    Hessian of =
        new Hessian(network, loss, batch, device, new Hessian.Limits(bytes, 0, directions));
    of.observeStatistics();
    return of;
  }

  /**
   * Measures at these parameters and leaves them as they are.
   *
   * @param parameters n values in host memory, or where the device computes
   * @param settings what to measure; may differ from snapshot to snapshot
   * @return the snapshot
   * @throws IllegalArgumentException if the number of parameters does not fit, or the subset is too
   *     small for the micro-batches or parts wanted
   * @throws dynaxx.operator.NonFiniteException if the loss, the gradient or a product is NaN or
   *     infinite
   * @throws dynaxx.operator.UntrustworthyOperatorException if they are not accurate enough at this
   *     point
   */
  public Snapshot measure(Buffer parameters, ProbeSettings settings) {
    return measure(parameters, settings, Optional.empty());
  }

  /**
   * Measures at these parameters and leaves them as they are. Also measures how near the coming
   * update is to its limits ({@link ProbeSettings#ofUpdate}).
   *
   * @param parameters n values in host memory, or where the device computes
   * @param settings what to measure; may differ from snapshot to snapshot
   * @param update what the host is about to do; empty if it does not report it
   * @return the snapshot
   * @throws IllegalArgumentException if a number of values does not fit, or the subset is too small
   *     for the micro-batches or parts wanted
   * @throws dynaxx.operator.NonFiniteException if the loss, the gradient, a product or the step is
   *     NaN or infinite
   */
  public Snapshot measure(Buffer parameters, ProbeSettings settings, Optional<Update> update) {
    atMostExamples("microBatches", settings.microBatches());
    atMostExamples("parts", settings.parts());
    return device
        .turns()
        .alone(
            this,
            "curvature probe",
            () -> {
              long start = System.nanoTime();
              hessian.linearize(parameters);
              return measureAt(hessian.parameters(), settings, update, start);
            });
  }

  private void atMostExamples(String name, int found) {
    if (found > subset.examples()) {
      throw new IllegalArgumentException(
          "settings."
              + name
              + ": found "
              + found
              + ", expected at most "
              + subset.examples()
              + ", the examples of the subset");
    }
  }

  private Snapshot measureAt(
      Buffer parameters, ProbeSettings settings, Optional<Update> update, long start) {
    ProbeSettings limited =
        settings
            .lanczos()
            .map(
                l ->
                    settings.withLanczos(
                        l.withMemory(krylovBytes(memory, network.parameterCount()))))
            .orElse(settings);
    Spectrum found = spectrum.measure(hessian, limited);
    Along along = update.map(u -> along(parameters, limited, u, found)).orElse(Along.NOTHING);
    Optional<ExampleStatistics> examples = examples(settings);
    Optional<GradientStatistics> gradients =
        examples.map(ExampleStatistics::microBatches).or(() -> gradients(parameters, settings));
    Optional<SubsetSpread> spread = spread(parameters, limited);
    double gradientEquivalents =
        1
            + found.cost().gradientEquivalents()
            + (hessian.recomputes() ? found.cost().sweeps() : 0)
            + along.work()
            + statisticsWork(examples.isPresent(), gradients.isPresent())
            + spread.map(SubsetSpread::gradientEquivalents).orElse(0.0);
    return new Snapshot(
        hessian.loss(),
        hessian.gradientNorm(),
        found,
        gradients,
        examples,
        spread,
        along.with(SnapshotReadings.of(hessian)),
        gradientEquivalents,
        (System.nanoTime() - start) / 1e9);
  }

  /** What an update meets, and the work in gradients. */
  private record Along(Map<Signal, Reading> readings, double work) {
    static final Along NOTHING = new Along(Map.of(), 0);

    Map<Signal, Reading> with(Map<Signal, Reading> others) {
      Map<Signal, Reading> all = new EnumMap<>(Signal.class);
      all.putAll(others);
      all.putAll(readings);
      return all;
    }
  }

  private Along along(Buffer parameters, ProbeSettings settings, Update update, Spectrum found) {
    CountedOperator counted = new CountedOperator(hessian);
    UpdateProbe.Result result =
        spectrum.along(
            counted, update, settings, found, Optional.of(new Point(parameters)), memory / 4);
    Map<Signal, Reading> readings = new EnumMap<>(Signal.class);
    readings.putAll(result.readings());
    double work =
        result.lossWork()
            + counted.cost().gradientEquivalents()
            + (hessian.recomputes() ? counted.cost().sweeps() : 0);
    if (settings.ofUpdate().contains(Signal.BATCH_SHARPNESS_RATIO)) {
      work += batchSharpness(parameters, settings, update, readings);
    }
    return new Along(readings, work);
  }

  /** Adds the reading, and returns the work in gradients: a gradient and a form of each part. */
  private double batchSharpness(
      Buffer parameters, ProbeSettings settings, Update update, Map<Signal, Reading> readings) {
    int size = BatchSharpness.size(subset.examples(), update.batchSize(), settings.microBatches());
    try (Scope scope = Scope.open();
        Hessian part = hessian(placed.slice(0, size), memory / 4)) {
      AdamNorm adam = update.norm(device, scope, part.dimension()).orElse(null);
      BatchSharpness.measure(part, placed, parameters, adam)
          .flatMap(update::ofLimit)
          .ifPresent(reading -> readings.put(Signal.BATCH_SHARPNESS_RATIO, reading));
    }
    int count = Math.min(BatchSharpness.MOST, subset.examples() / size);
    return 2.0 * count * size / subset.examples();
  }

  /** Where the hessian is. */
  private final class Point implements UpdateProbe.Point {
    private final Buffer parameters;

    Point(Buffer parameters) {
      this.parameters = parameters;
    }

    @Override
    public Buffer parameters() {
      return parameters;
    }

    @Override
    public Buffer gradient() {
      return hessian.gradient();
    }

    @Override
    public double gradientNorm() {
      return hessian.gradientNorm();
    }

    @Override
    public double loss() {
      return hessian.loss();
    }

    @Override
    public Optional<UpdateProbe.Losses> losses() {
      return SubsetLosses.within(memory / 4, network, loss, placed, device);
    }
  }

  /**
   * Gradients of micro-batches, norms of examples and their derivatives along the mean take a third
   * of a gradient's matrix products each, and a recording more where none is kept.
   */
  private double statisticsWork(boolean examples, boolean gradients) {
    if (network.couplesExamples()) {
      return gradients ? 1 : 0;
    }
    int passes = examples ? 3 : gradients ? 1 : 0;
    return passes * (1 / 3.0 + (hessian.recomputes() ? 1 : 0));
  }

  /**
   * For each signal of layers, how many layers of a network have a value of their own, which a
   * metrics file has columns for.
   *
   * @param network the network
   * @return layers by signal; without signals that the network does not have
   */
  public static Map<Signal, Integer> layers(Network network) {
    return SnapshotReadings.layers(network);
  }

  /**
   * The Hessian that the last measurement was of, for what it did not measure.
   *
   * @return the operator at the parameters of the last measurement; closed with this probe
   */
  public SymmetricOperator hessian() {
    return hessian;
  }

  /**
   * The examples that it measures on.
   *
   * @return how many the subset has
   */
  public int examples() {
    return subset.examples();
  }

  /**
   * Where it computes.
   *
   * @return the device that it was made with
   */
  public Device device() {
    return device;
  }

  /**
   * A probe of the same network, loss, subset and memory limit that computes elsewhere, for example
   * beside the training: probes of one device take turns, so one that must not wait needs a device
   * of its own. It has stored no vectors yet.
   *
   * @param other where to compute
   * @return a new probe, to be closed by the caller
   * @throws UnsupportedOperationException if the subset is not in host memory
   */
  public CurvatureProbe on(Device other) {
    if (!(subset.inputs() instanceof HostBuffer && subset.targets() instanceof HostBuffer)) {
      throw new UnsupportedOperationException(
          "subset: found memory of the device "
              + device.name()
              + ", expected host memory, which another device can read too");
    }
    return new CurvatureProbe(network, loss, subset, other, memory);
  }

  private Optional<ExampleStatistics> examples(ProbeSettings settings) {
    if (!settings.perExample()) {
      return Optional.empty();
    }
    int size = subset.examples() / settings.microBatches();
    network.requireSeparateExamples("example statistics");
    return Optional.of(ExampleStatistics.of(hessian, size, memory / 4));
  }

  /** Out of the recording, unless each micro-batch has statistics of its own. */
  private Optional<GradientStatistics> gradients(Buffer parameters, ProbeSettings settings) {
    if (settings.microBatches() == 0) {
      return Optional.empty();
    }
    int size = subset.examples() / settings.microBatches();
    loss.requireSeparateExamples("gradients of micro-batches");
    return Optional.of(
        network.couplesExamples()
            ? GradientStatistics.measure(
                network, loss, placed, size, memory / 4, parameters, device)
            : GradientStatistics.of(hessian, size));
  }

  /** Repeats on the parts what was done on the whole: as many steps, as many probes. */
  private Optional<SubsetSpread> spread(Buffer parameters, ProbeSettings settings) {
    if (settings.parts() == 0 || settings.lanczos().isEmpty()) {
      return Optional.empty();
    }
    Lanczos lanczos = settings.lanczos().get().withSeed(settings.seed()).withCertificate(false);
    TraceEstimator probes = TraceEstimator.hutchinson(settings.probes(), settings.seed());
    int count = settings.parts();
    int size = subset.examples() / count;
    try (Hessian part = hessian(placed.slice(0, size), memory / 4)) {
      Batch whole = placed.slice(0, count * size);
      return Optional.of(SubsetSpread.measure(part, whole, lanczos, probes, parameters));
    }
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    device
        .turns()
        .alone(
            this,
            "curvature probe",
            () -> {
              try (scope;
                  hessian) {
                spectrum.close();
              }
              return null;
            });
  }
}
