package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Consistency;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.Lanczos.RitzValue;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.SpectralDensity.Quadrature;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * Measures the spectrum of any symmetric operator, snapshot after snapshot, from one plan that
 * shares its products: start vectors of Lanczos are the first samples of the trace, their
 * tridiagonal matrices give the density, and the Ritz vectors deflate the other samples and are
 * kept for measurements by quadratic forms alone. The first operator is checked before it is
 * trusted ({@link Consistency}).
 */
public final class SpectrumProbe implements AutoCloseable {

  /** Ritz vectors taken out of the probes, those of largest magnitude that have converged. */
  private static final int DEFLATED = 8;

  /** Residual, as part of the Ritz value, below which a vector is used for deflation. */
  private static final double CONVERGED = 1e-2;

  private Scope storedScope;
  private RitzPairs stored;
  private boolean trusted;
  private final UpdateProbe updates = new UpdateProbe();

  /** A probe that has stored no vectors yet. */
  public SpectrumProbe() {}

  /**
   * Measures.
   *
   * @param operator the operator at the current parameters; of the same dimension and on the same
   *     device at every call
   * @param settings what to measure
   * @return the spectrum
   * @throws dynaxx.operator.NonFiniteException if a product or a form is NaN or infinite
   * @throws dynaxx.operator.UntrustworthyOperatorException if the first operator's products are not
   *     symmetric or change from call to call
   */
  public Spectrum measure(SymmetricOperator operator, ProbeSettings settings) {
    CountedOperator counted = new CountedOperator(operator);
    if (!trusted) {
      Consistency.measure(counted, settings.seed()).require();
      trusted = true;
    }
    Optional<Lanczos> lanczos = settings.lanczos();
    if (lanczos.isEmpty() && stored == null) {
      lanczos = ProbeSettings.article().lanczos();
    }
    return lanczos.isPresent()
        ? fromLanczos(counted, seeded(lanczos.get(), settings), settings)
        : fromStored(counted, settings);
  }

  /**
   * Measures an operator that is no network's, and what its host's coming update meets.
   *
   * @param operator as in {@link #measure}
   * @param settings what to measure
   * @param update with the step, without which only its limit is known; empty if the host does not
   *     tell it
   * @return a snapshot that knows no loss and no gradient: both are NaN in it
   * @throws dynaxx.operator.NonFiniteException if a product, a form or the step is NaN or infinite
   * @throws dynaxx.operator.UntrustworthyOperatorException as in {@link #measure}
   */
  public Snapshot snapshot(
      SymmetricOperator operator, ProbeSettings settings, Optional<Update> update) {
    long start = System.nanoTime();
    Spectrum found = measure(operator, settings);
    CountedOperator counted = new CountedOperator(operator);
    Map<Signal, Reading> readings =
        update
            .map(u -> along(counted, u, settings, found, Optional.empty(), 0).readings())
            .orElse(Map.of());
    return new Snapshot(
        Double.NaN,
        Double.NaN,
        found,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        readings,
        found.cost().gradientEquivalents() + counted.cost().gradientEquivalents(),
        (System.nanoTime() - start) / 1e9);
  }

  /** What an update meets at the point of the last measurement. */
  UpdateProbe.Result along(
      CountedOperator operator,
      Update update,
      ProbeSettings settings,
      Spectrum found,
      Optional<UpdateProbe.Point> point,
      long memory) {
    return updates.measure(
        operator, update, settings, found, Optional.ofNullable(stored), point, memory);
  }

  /** A warm start has its own seed, different from that of the earlier vectors. */
  private static Lanczos seeded(Lanczos lanczos, ProbeSettings settings) {
    return lanczos.earlier() == null ? lanczos.withSeed(settings.seed()) : lanczos;
  }

  private Spectrum fromLanczos(CountedOperator operator, Lanczos lanczos, ProbeSettings settings) {
    Scope scope = Scope.open();
    try {
      Lanczos.Result result;
      RitzPairs pairs;
      int start;
      try (LanczosRun run = new LanczosRun(lanczos, operator)) {
        result = run.result();
        pairs = run.pairs(settings.storedPairs(), scope);
        start = run.best();
      }
      Estimate trace;
      try (Scope temporary = Scope.open()) {
        Optional<RitzPairs> deflation =
            settings.deflated() ? converged(pairs, operator.device(), temporary) : Optional.empty();
        trace = trace(operator, result.density(), start, deflation, settings);
      }
      store(pairs, scope);
      return new Spectrum(
          result.min(), result.max(), result.verdict(), trace, result.density(), operator.cost());
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private void store(RitzPairs pairs, Scope scope) {
    forget();
    stored = pairs;
    storedScope = scope;
  }

  /** The converged pairs of largest magnitude, in memory of their own. */
  private static Optional<RitzPairs> converged(RitzPairs pairs, Device device, Scope scope) {
    List<RitzValue> values = pairs.values();
    int[] wanted =
        IntStream.range(0, values.size())
            .filter(i -> values.get(i).residual() <= CONVERGED * Math.abs(values.get(i).value()))
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -Math.abs(values.get(i).value())))
            .limit(DEFLATED)
            .mapToInt(Integer::intValue)
            .sorted()
            .toArray();
    if (wanted.length == 0) {
      return Optional.empty();
    }
    Vectors vectors = device.vectors(scope, wanted.length, pairs.vectors().length());
    for (int i = 0; i < wanted.length; i++) {
      device.algebra().copy(pairs.vectors().vector(wanted[i]), vectors.vector(i));
    }
    return Optional.of(new RitzPairs(IntStream.of(wanted).mapToObj(values::get).toList(), vectors));
  }

  private Spectrum fromStored(CountedOperator operator, ProbeSettings settings) {
    double[] forms = operator.quadraticForm(stored.vectors());
    for (double form : forms) {
      NonFiniteException.check("quadratic form", form);
    }
    double min = Arrays.stream(forms).min().orElseThrow();
    double max = Arrays.stream(forms).max().orElseThrow();
    double noise = operator.productError() * Math.max(Math.abs(min), Math.abs(max));
    ExtremeEigenvalue smallest = tracked(min, noise);
    ProbeForms probes = ProbeForms.plain(operator, settings.seed());
    if (settings.deflated()) {
      double inside = Arrays.stream(forms).sum();
      probes = ProbeForms.deflated(operator, settings.seed(), stored.vectors(), inside);
    }
    double[] samples = new double[settings.probes()];
    probes.sample(samples, 0, samples.length);
    return new Spectrum(
        smallest,
        tracked(max, noise),
        Verdict.of(smallest, OptionalDouble.empty(), 0, 0),
        Estimate.of(samples),
        Optional.empty(),
        operator.cost());
  }

  private static ExtremeEigenvalue tracked(double value, double noise) {
    return new ExtremeEigenvalue(
        value, OptionalDouble.empty(), OptionalDouble.empty(), noise, false);
  }

  /**
   * Samples of the starts first, then as many probes as are missing. The start that the deflating
   * vectors came from is not independent of them: of a multiple eigenvalue they hold its own
   * projection, not a random vector.
   */
  private static Estimate trace(
      SymmetricOperator operator,
      Optional<SpectralDensity> density,
      int closest,
      Optional<RitzPairs> deflation,
      ProbeSettings settings) {
    double inside =
        deflation.stream()
            .flatMap(pairs -> pairs.values().stream())
            .mapToDouble(RitzValue::value)
            .sum();
    ProbeForms forms =
        deflation
            .map(p -> ProbeForms.deflated(operator, settings.seed(), p.vectors(), inside))
            .orElseGet(() -> ProbeForms.plain(operator, settings.seed()));
    List<Quadrature> starts = density.map(SpectralDensity::starts).orElse(List.of());
    int[] independent =
        IntStream.range(0, starts.size())
            .filter(i -> deflation.isEmpty() || i != closest)
            .toArray();
    int shared = independent.length;
    double[] samples = new double[Math.max(shared, settings.probes())];
    for (int i = 0; i < shared; i++) {
      int start = independent[i];
      samples[i] = inside + outside(operator, starts.get(start), start, deflation, settings.seed());
    }
    double[] probes = new double[samples.length - shared];
    forms.sample(probes, 0, probes.length);
    System.arraycopy(probes, 0, samples, shared, probes.length);
    return Estimate.of(samples);
  }

  /**
   * The first coefficient of a start is a quadratic form already; an eigenvector q with value t has
   * the part {@code t (q'z)^2} of it.
   */
  private static double outside(
      SymmetricOperator operator,
      Quadrature start,
      int index,
      Optional<RitzPairs> deflation,
      long seed) {
    long n = operator.dimension();
    double sample = 0;
    for (int i = 0; i < start.nodes().length; i++) {
      sample += n * start.weights()[i] * start.nodes()[i];
    }
    if (deflation.isEmpty()) {
      return sample;
    }
    Device device = operator.device();
    RitzPairs pairs = deflation.get();
    try (Scope temporary = Scope.open()) {
      Buffer z = GaussianVector.create(device, temporary, n, seed, index);
      double squaredNorm = device.algebra().dot(z, z);
      for (int i = 0; i < pairs.values().size(); i++) {
        double component = device.algebra().dot(pairs.vectors().vector(i), z);
        sample -= pairs.values().get(i).value() * n * component * component / squaredNorm;
      }
    }
    return sample;
  }

  /**
   * Estimates the diagonal with an error for each entry (XDiag; Epperly, Tropp and Webber, 2024).
   * Entries are exact when the rank is below m / 2, and good when the spectrum decays fast; on a
   * flat spectrum an entry's error is as large as the rest of its row.
   *
   * @param operator a symmetric operator
   * @param products number m of products, even, at least 4; on the device there must be room for
   *     {@code 3 m / 2} vectors
   * @param seed fixes the m / 2 Rademacher probes
   * @param scope of the result
   * @return two vectors of n values in host memory: the diagonal, and the standard error of each
   *     entry, the spread of its m / 2 estimates. They depend on each other, so it is too small by
   *     up to a third
   * @throws IllegalArgumentException if the number of products is odd or below 4, or n is above
   *     {@link Integer#MAX_VALUE}
   * @throws dynaxx.operator.NonFiniteException if a product is NaN or infinite
   */
  public static Vectors diagonal(SymmetricOperator operator, int products, long seed, Scope scope) {
    return XDiag.run(operator, products, seed, scope);
  }

  /** Frees the stored vectors; closing twice is harmless, and measuring again is possible. */
  @Override
  public void close() {
    forget();
    updates.close();
  }

  private void forget() {
    if (storedScope != null) {
      storedScope.close();
    }
    stored = null;
    storedScope = null;
  }
}
