package dynaxx.app;

import dynaxx.app.WatchedOperator.Counted;
import dynaxx.app.terminal.LanczosProgress;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.device.Device;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.EmpiricalFisher;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.Hessian;
import dynaxx.operator.NetworkOperator;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.ExampleStatistics;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.Lanczos.RitzValue;
import dynaxx.spectrum.LayerTraces;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.SpectralDensity;
import dynaxx.spectrum.Spectrum;
import dynaxx.spectrum.SpectrumProbe;
import dynaxx.spectrum.TraceEstimator;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Measures one network at one point over one batch.
 *
 * @param network the network
 * @param loss its loss
 * @param batch examples and targets
 * @param parameters the point
 * @param device where to compute
 * @param plan what to measure
 * @param progress shows how far it is
 */
record ProbeRun(
    Network network,
    Loss loss,
    Batch batch,
    HostBuffer parameters,
    Device device,
    Request plan,
    ProgressLine progress) {

  /** Eigenvalues that are reported of the matrices that have no negative ones. */
  private static final int LEADING = 5;

  /** Parameters up to which the trace of the Gauss-Newton matrix is summed and not estimated. */
  static final long SUMMED = 20_000;

  /** Examples up to which the Fisher matrix is decomposed by its Gram matrix. */
  private static final int DECOMPOSED = 2_000;

  private static final int FIRST_STEPS = 60;
  private static final int MOST_STEPS = 480;

  /** Residual of a leading Ritz value, as part of it; its error is about the square of that. */
  private static final double LEADING_TOLERANCE = 2e-3;

  private static final int AT_ONCE = 8;
  private static final double FLOAT32 = 0x1p-24;
  private static final int DENSITY_STARTS = 8;

  private static final int DENSITY_STEPS = 80;

  /** Kinds of measurement. */
  enum Mode {
    CERTIFIED,
    ARTICLE,
    CHEAP
  }

  /** Matrices whose curvature can be measured. */
  enum Matrix {
    HESSIAN,
    GAUSS_NEWTON,
    EMPIRICAL_FISHER,
    /** With targets drawn from the model's own distribution. */
    FISHER,
    KFAC,
    EKFAC;

    /** Whether it has no negative eigenvalue; {@code convex}: the loss has none. */
    boolean isSemidefinite(boolean convex) {
      return this == GAUSS_NEWTON ? convex : this != HESSIAN;
    }
  }

  /**
   * What to measure.
   *
   * @param matrices beside the Hessian
   * @param mode kind of measurement
   * @param iterations Lanczos steps, or null for those of the mode
   * @param probes of the trace, or null for those of the mode
   * @param density whether the density of the spectrum is wanted
   * @param microBatch examples of a micro-batch
   * @param seed fixes start vectors and probes
   * @param optimizer whose stability limit is compared with, if wanted
   * @param tensors whether each tensor is measured by itself
   * @param decay half of it times the squared norm of the parameters is part of the loss
   * @param lossOptions options of the loss, by name
   * @param draws targets that the Fisher matrix draws for each example
   */
  record Request(
      List<Matrix> matrices,
      Mode mode,
      Integer iterations,
      Integer probes,
      boolean density,
      int microBatch,
      long seed,
      Optional<UpdateOptions.Optimizer> optimizer,
      boolean tensors,
      double decay,
      Map<String, Object> lossOptions,
      int draws) {

    ProbeSettings settings() {
      ProbeSettings settings =
          switch (mode) {
            case CERTIFIED ->
                ProbeSettings.certified()
                    .withLanczos(
                        Lanczos.both().withTolerance(1e-3).withCap(400).withCertificate(true))
                    .withProbes(32);
            case ARTICLE -> ProbeSettings.article();
            case CHEAP -> ProbeSettings.cheap();
          };
      if (iterations != null) {
        boolean certified = mode == Mode.CERTIFIED;
        settings = settings.withLanczos(Lanczos.fixed(iterations).withCertificate(certified));
      }
      return (probes == null ? settings : settings.withProbes(probes)).withSeed(seed);
    }
  }

  /**
   * A matrix without negative eigenvalues.
   *
   * @param largest its largest eigenvalues, descending
   * @param trace sum of all
   * @param traceError standard error of the trace, 0 if it was summed
   */
  record Semidefinite(double[] largest, double trace, double traceError) {}

  /**
   * What was found.
   *
   * @param loss mean over the batch
   * @param gradientNorm norm of its gradient
   * @param spectrum of the Hessian
   * @param examples statistics of the gradients, if there are enough examples
   * @param layers traces of the diagonal blocks of the parameters
   * @param entropies of each attention op and head
   * @param activeFractions of each rectifier layer
   * @param density of the Hessian's spectrum, if wanted
   * @param gaussNewton if wanted
   * @param empiricalFisher if wanted
   * @param fisher if wanted
   * @param approximations KFAC and EKFAC, if wanted
   * @param stability of the optimizer, if wanted
   * @param tensors each by itself, if wanted
   * @param seconds it took
   */
  record Found(
      double loss,
      double gradientNorm,
      Spectrum spectrum,
      Optional<ExampleStatistics> examples,
      LayerTraces layers,
      List<double[]> entropies,
      List<Double> activeFractions,
      Optional<SpectralDensity> density,
      Optional<Semidefinite> gaussNewton,
      Optional<Semidefinite> empiricalFisher,
      Optional<Semidefinite> fisher,
      List<KroneckerReport> approximations,
      Optional<Stability> stability,
      Optional<LayerTable> tensors,
      double seconds) {}

  /** The same measurement in float64, if this one is not and its device can. */
  Optional<ProbeRun> inFloat64() {
    boolean already = device.unitRoundoff() < FLOAT32;
    return device
        .float64()
        .filter(d -> !already)
        .map(d -> new ProbeRun(network, loss, batch, parameters, d, plan, progress));
  }

  Found measure() {
    long start = System.nanoTime();
    progress.expect(stages());
    Optional<ExampleStatistics> examples = examples();
    Optional<Semidefinite> gaussNewton =
        wants(Matrix.GAUSS_NEWTON) ? Optional.of(gaussNewton()) : Optional.empty();
    Optional<Semidefinite> empirical =
        wants(Matrix.EMPIRICAL_FISHER) ? Optional.of(empiricalFisher(examples)) : Optional.empty();
    Optional<Semidefinite> fisher = wants(Matrix.FISHER) ? Optional.of(fisher()) : Optional.empty();
    List<KroneckerReport> approximations =
        plan.matrices().stream()
            .filter(KroneckerReport::is)
            .map(matrix -> KroneckerReport.measure(this, matrix))
            .toList();
    Optional<Stability> stability = plan.optimizer().map(this::stability);
    try (Scope temporary = Scope.open();
        Hessian hessian = new Hessian(network, loss, batch, device, limits())) {
      progress.stage("Hessian: recording the batch");
      hessian.observeStatistics();
      hessian.linearize(parameters);
      SymmetricOperator shifted = shifted(hessian);
      WatchedOperator watched = new WatchedOperator(shifted, progress);
      Spectrum spectrum = spectrum(watched);
      LayerTraces layers = layerTraces(watched);
      Optional<LayerTable> tensors =
          plan.tensors() ? Optional.of(tensors(hessian)) : Optional.empty();
      Optional<SpectralDensity> density =
          plan.density() ? Optional.of(density(shifted)) : Optional.empty();
      progress.end();
      double squares = plan.decay() == 0 ? 0 : Decay.squares(parameters);
      double norm =
          plan.decay() == 0
              ? hessian.gradientNorm()
              : Math.sqrt(Decay.squares(gradient(temporary, hessian)));
      return new Found(
          hessian.loss() + plan.decay() / 2 * squares,
          norm,
          spectrum,
          examples,
          layers,
          hessian.statistic("attention_entropy"),
          hessian.statistic("active_fraction").stream().map(layer -> layer[0]).toList(),
          density,
          gaussNewton,
          empirical,
          fisher,
          approximations,
          stability,
          tensors,
          (System.nanoTime() - start) / 1e9);
    }
  }

  /** Parts of the measurement that are shown one after the other. */
  private int stages() {
    int gaussNewton = wants(Matrix.GAUSS_NEWTON) ? 2 : 0;
    int fisher = (wants(Matrix.EMPIRICAL_FISHER) ? 1 : 0) + (wants(Matrix.FISHER) ? 1 : 0);
    int approximations = 3 * (int) plan.matrices().stream().filter(KroneckerReport::is).count();
    return 4 + (hasExamples() ? 1 : 0) + gaussNewton + fisher + approximations + extras();
  }

  private int extras() {
    return (plan.density() ? 1 : 0)
        + (plan.optimizer().isPresent() ? 1 : 0)
        + (plan.tensors() ? 1 : 0);
  }

  private Stability stability(UpdateOptions.Optimizer optimizer) {
    progress.stage("stability limit");
    return Stability.measure(this, optimizer);
  }

  private LayerTable tensors(Hessian hessian) {
    progress.stage("tensors by themselves");
    int probes = Math.max(4, plan.settings().probes());
    return new LayerTable(
        LayerTraces.table(
            hessian, network, probes, hasExamples() ? plan.microBatch() : 0, plan.seed()));
  }

  private Spectrum spectrum(WatchedOperator watched) {
    ProbeSettings settings = plan.settings();
    LanczosProgress shown = new LanczosProgress(progress, "Hessian");
    // Without vectors of an earlier measurement the cheap one takes these steps, too.
    Lanczos lanczos = settings.lanczos().or(() -> ProbeSettings.article().lanczos()).orElseThrow();
    shown.begin((int) Math.min(lanczos.cap(), watched.dimension()));
    int probes = settings.probes();
    Runnable trace =
        () -> {
          progress.stage("trace", "probe", probes);
          watched.count(Counted.FORMS);
        };
    // Forms before the first step check the operator, those after the last are of the trace.
    ProbeSettings told =
        settings.withLanczos(
            lanczos.withListener(
                step -> {
                  shown.accept(step);
                  watched.atFirstForm(trace);
                }));
    try (SpectrumProbe probe = new SpectrumProbe()) {
      return probe.measure(watched, told);
    }
  }

  private LayerTraces layerTraces(WatchedOperator watched) {
    int probes = plan.settings().probes();
    progress.stage("traces by tensor", "probe", probes);
    watched.count(Counted.PRODUCTS);
    return LayerTraces.measure(watched, LayerTraces.tensors(network), probes, plan.seed());
  }

  private boolean wants(Matrix matrix) {
    return plan.matrices().contains(matrix);
  }

  /** Half of the memory is for the activations. */
  Limits limits() {
    return new Limits(device.defaultMemoryLimit() / 2, 0, Limits.DEFAULT.directions());
  }

  private boolean hasExamples() {
    boolean coupled = network.couplesExamples() || loss.couplesExamples();
    return !coupled && batch.examples() >= 2 * plan.microBatch();
  }

  private Optional<ExampleStatistics> examples() {
    if (!hasExamples()) {
      return Optional.empty();
    }
    progress.stage("gradients of the examples");
    return Optional.of(
        ExampleStatistics.measure(network, loss, batch, plan.microBatch(), 0, parameters, device));
  }

  private SpectralDensity density(SymmetricOperator hessian) {
    int steps = plan.iterations() == null ? DENSITY_STEPS : plan.iterations();
    return Lanczos.fixed(steps)
        .withStarts(DENSITY_STARTS)
        .withSeed(plan.seed())
        .withListener(new LanczosProgress(progress, "density"))
        .run(hessian)
        .density()
        .orElseThrow();
  }

  private Semidefinite gaussNewton() {
    try (GaussNewton operator = new GaussNewton(network, loss, batch, device, limits())) {
      operator.linearize(parameters);
      double[] largest = leading("Gauss-Newton", operator);
      if (operator.dimension() <= SUMMED) {
        return new Semidefinite(largest, summed("Gauss-Newton", operator), 0);
      }
      int probes = plan.settings().probes();
      progress.stage("Gauss-Newton, trace", "probe", probes);
      WatchedOperator watched = new WatchedOperator(operator, progress);
      watched.count(Counted.FORMS);
      Estimate trace = TraceEstimator.hutchinson(probes, plan.seed()).run(watched);
      return new Semidefinite(largest, trace.value(), trace.standardError());
    }
  }

  private Semidefinite empiricalFisher(Optional<ExampleStatistics> examples) {
    try (EmpiricalFisher operator = new EmpiricalFisher(network, loss, batch, device, limits())) {
      progress.stage("empirical Fisher");
      operator.linearize(parameters);
      double[] largest = leading("empirical Fisher", operator);
      OptionalDouble trace =
          examples.map(e -> OptionalDouble.of(e.meanSquaredNorm())).orElse(OptionalDouble.empty());
      return new Semidefinite(
          largest, trace.orElseGet(() -> summed("empirical Fisher", operator)), 0);
    }
  }

  private Semidefinite fisher() {
    try (EmpiricalFisher operator = drawn()) {
      progress.stage("Fisher, " + plan.draws() + " draws");
      operator.linearize(parameters);
      double[] squares = operator.squaredExampleNorms(limits().memoryBytes());
      double trace =
          NonFiniteException.check("Fisher matrix", Arrays.stream(squares).average().orElseThrow());
      return new Semidefinite(leading("Fisher", operator), trace, drawingError(squares));
    }
  }

  /** Standard error of the mean over what each example draws; of one draw, over all examples. */
  private double drawingError(double[] squares) {
    int draws = plan.draws();
    int examples = draws == 1 ? 1 : squares.length / draws;
    int each = squares.length / examples;
    double sum = 0;
    for (int e = 0; e < examples; e++) {
      double mean = 0;
      for (int s = 0; s < each; s++) {
        mean += squares[s * examples + e] / each;
      }
      for (int s = 0; s < each; s++) {
        sum += Math.pow(squares[s * examples + e] - mean, 2) / Math.max(1, each - 1);
      }
    }
    return Math.sqrt(sum / each) / examples;
  }

  private double[] leading(String name, EmpiricalFisher operator) {
    long most = Math.min(operator.dimension(), operator.examples());
    return operator.examples() <= DECOMPOSED
        ? operator.leading((int) Math.min(LEADING, most))
        : leading(name, (NetworkOperator) operator);
  }

  private EmpiricalFisher drawn() {
    return EmpiricalFisher.ofModel(
        network, loss, batch, device, limits(), plan.seed(), plan.draws());
  }

  /** Leading eigenvalues, with more steps until they have converged. */
  private double[] leading(String name, NetworkOperator operator) {
    int n = (int) Math.min(operator.dimension(), Integer.MAX_VALUE);
    int count = Math.min(LEADING, n);
    for (int steps = FIRST_STEPS; ; steps *= 2) {
      int taken = plan.iterations() == null ? Math.min(steps, n) : Math.min(plan.iterations(), n);
      Lanczos lanczos =
          Lanczos.fixed(taken)
              .withSeed(plan.seed())
              .withListener(new LanczosProgress(progress, name));
      List<RitzValue> ritz = lanczos.run(operator).ritz().reversed();
      List<RitzValue> top = ritz.subList(0, Math.min(count, ritz.size()));
      boolean converged =
          top.stream().allMatch(r -> r.residual() <= LEADING_TOLERANCE * Math.abs(r.value()));
      if (converged || plan.iterations() != null || taken == n || steps >= MOST_STEPS) {
        return top.stream().mapToDouble(RitzValue::value).toArray();
      }
    }
  }

  /** The trace as the sum of all diagonal entries. */
  double summed(String name, SymmetricOperator operator) {
    long n = operator.dimension();
    progress.stage(name + ", trace", "entry", n);
    try (Scope scope = Scope.open()) {
      HostBuffer units = scope.allocate(AT_ONCE * n);
      double sum = 0;
      for (long from = 0; from < n; from += AT_ONCE) {
        int k = (int) Math.min(AT_ONCE, n - from);
        mark(units, n, from, k, 1);
        try (Scope temporary = Scope.open()) {
          Vectors v = Vectors.of(device.upload(temporary, units.segment()), k, n);
          sum += Arrays.stream(operator.quadraticForm(v)).sum();
        }
        progress.advance(k);
        mark(units, n, from, k, 0);
      }
      return sum;
    }
  }

  private static void mark(HostBuffer units, long n, long from, int k, float value) {
    for (int i = 0; i < k; i++) {
      units.set(i * n + from + i, value);
    }
  }

  /** The gradient of the loss. */
  HostBuffer gradient(Scope scope) {
    try (Hessian hessian = new Hessian(network, loss, batch, device, limits())) {
      hessian.linearize(parameters);
      return gradient(scope, hessian);
    }
  }

  HostBuffer gradient(Scope scope, NetworkOperator operator) {
    HostBuffer gradient = scope.allocate(network.parameterCount());
    device.download(operator.gradient(), gradient.segment());
    Decay.add(plan.decay(), parameters, gradient);
    return gradient;
  }

  /** With the weight decay, if it is part of the loss. */
  private SymmetricOperator shifted(SymmetricOperator hessian) {
    return plan.decay() == 0 ? hessian : hessian.shifted(plan.decay());
  }

  /** The Hessian with the weight decay; other matrices do not have it. */
  SymmetricOperator withDecay(Matrix matrix, SymmetricOperator operator) {
    return matrix == Matrix.HESSIAN ? shifted(operator) : operator;
  }

  /** The matrix at the parameters, without the weight decay. */
  SymmetricOperator linearized(Matrix matrix) {
    return switch (matrix) {
      case HESSIAN -> at(new Hessian(network, loss, batch, device, limits()));
      case GAUSS_NEWTON -> at(new GaussNewton(network, loss, batch, device, limits()));
      case EMPIRICAL_FISHER -> at(new EmpiricalFisher(network, loss, batch, device, limits()));
      case FISHER -> at(drawn());
      case KFAC, EKFAC -> KroneckerReport.open(this, matrix);
    };
  }

  private NetworkOperator at(NetworkOperator operator) {
    try {
      return operator.linearize(parameters);
    } catch (RuntimeException | Error e) {
      operator.close();
      throw e;
    }
  }
}
