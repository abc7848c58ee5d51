package dynaxx.spectrum;

import dynaxx.device.Algebra;
import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Signal.Reading;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;

/**
 * Measures how near a coming update is to its limits. Of Adam's preconditioned Hessian it keeps the
 * sharpest Ritz vector, for measurements without Lanczos.
 */
final class UpdateProbe implements AutoCloseable {

  /** Most Lanczos steps for the preconditioned sharpness, which mostly stands alone. */
  private static final int SHARPNESS_STEPS = 20;

  /** Gradients' work of a loss: a third of its matrix products. */
  private static final double LOSS_WORK = 1 / 3.0;

  private Scope storedScope;
  private Vectors sharpest;

  /** Where a network is. */
  interface Point {
    Buffer parameters();

    Buffer gradient();

    double gradientNorm();

    double loss();

    /** Losses at other parameters; nothing where there is no memory for them. */
    Optional<Losses> losses();
  }

  /** Evaluates a loss; holds memory. */
  interface Losses extends AutoCloseable {
    double at(Buffer parameters);

    @Override
    void close();
  }

  /** What was found, and the work beside that of the operator, in gradients. */
  record Result(Map<Signal, Reading> readings, double lossWork) {}

  /**
   * Measures.
   *
   * @param operator at the current parameters
   * @param found its spectrum
   * @param stored Ritz pairs of it, perhaps of an earlier point
   * @param point of a network; nothing for other operators
   * @param memory bytes for Krylov bases, 0 for the device's default
   */
  Result measure(
      CountedOperator operator,
      Update update,
      ProbeSettings settings,
      Spectrum found,
      Optional<RitzPairs> stored,
      Optional<Point> point,
      long memory) {
    try (Scope scope = Scope.open()) {
      AdamNorm adam = update.norm(operator.device(), scope, operator.dimension()).orElse(null);
      Run run = new Run(operator, update, settings, adam, scope);
      run.sharpness(found, memory);
      run.decoupling(point);
      Optional<Buffer> step = run.step(point);
      step.ifPresent(
          d -> {
            run.curvatureAlong(d);
            stored.ifPresent(pairs -> run.oscillation(d, pairs));
          });
      run.criticalRate(step, point);
      return new Result(run.readings, run.lossWork);
    }
  }

  /** One measurement. */
  private final class Run {
    final CountedOperator operator;
    final Update update;
    final ProbeSettings settings;
    final AdamNorm adam;
    final Scope scope;
    final Device device;
    final Algebra algebra;
    final Map<Signal, Reading> readings = new EnumMap<>(Signal.class);
    double lossWork;

    Run(
        CountedOperator operator,
        Update update,
        ProbeSettings settings,
        AdamNorm adam,
        Scope scope) {
      this.operator = operator;
      this.update = update;
      this.settings = settings;
      this.adam = adam;
      this.scope = scope;
      this.device = operator.device();
      this.algebra = device.algebra();
    }

    boolean wants(Signal signal) {
      return settings.ofUpdate().contains(signal);
    }

    void sharpness(Spectrum found, long memory) {
      Reading sharpness =
          adam == null
              ? new Reading(found.max().value(), found.max().residual())
              : preconditioned(memory);
      if (sharpness == null) {
        return;
      }
      if (adam != null) {
        readings.put(Signal.PRECONDITIONED_LAMBDA_MAX, sharpness);
      }
      update.ofLimit(sharpness).ifPresent(r -> readings.put(Signal.SHARPNESS_RATIO, r));
    }

    private Reading preconditioned(long memory) {
      if (!wants(Signal.PRECONDITIONED_LAMBDA_MAX)) {
        return null;
      }
      if (settings.lanczos().isPresent()) {
        return preconditionedByLanczos(settings.lanczos().get(), memory);
      }
      if (sharpest == null) {
        return null;
      }
      try (SymmetricOperator preconditioned = adam.of(operator)) {
        double form = preconditioned.quadraticForm(sharpest)[0];
        return Reading.of(NonFiniteException.check("preconditioned quadratic form", form));
      }
    }

    private Reading preconditionedByLanczos(Lanczos full, long memory) {
      Lanczos lanczos =
          Lanczos.lambdaMax()
              .withCap(Math.min(SHARPNESS_STEPS, full.cap()))
              .withSeed(settings.seed())
              .withCertificate(false);
      Scope kept = Scope.open();
      try (SymmetricOperator preconditioned = adam.of(operator)) {
        Lanczos limited = memory == 0 ? lanczos : lanczos.withMemory(memory);
        Lanczos.Result run = limited.run(preconditioned, 2, kept);
        close();
        Vectors vectors = run.vectors().orElseThrow();
        sharpest = vectors.subset(vectors.count() - 1, 1);
        storedScope = kept;
        return new Reading(run.max().value(), run.max().residual());
      } catch (RuntimeException | Error e) {
        kept.close();
        throw e;
      }
    }

    void decoupling(Optional<Point> point) {
      OptionalDouble norm =
          update.gradientNorm().isPresent()
              ? update.gradientNorm()
              : point.map(p -> OptionalDouble.of(p.gradientNorm())).orElse(OptionalDouble.empty());
      OptionalDouble remembered = update.squaredGradients();
      if (norm.isPresent() && remembered.isPresent() && remembered.getAsDouble() > 0) {
        double g = norm.getAsDouble();
        readings.put(Signal.DECOUPLING_RATIO, Reading.of(g * g / remembered.getAsDouble()));
      }
    }

    /** The step on the device; nothing if it is not known or nothing is to be done. */
    Optional<Buffer> step(Optional<Point> point) {
      Optional<Buffer> step =
          update.step().isPresent() ? update.step().map(this::placed) : point.map(this::derived);
      return step.filter(
          d -> NonFiniteException.check("squared norm of the update", algebra.dot(d, d)) > 0);
    }

    private Buffer placed(Buffer told) {
      Shape.requireSize("update", told.size(), operator.dimension());
      return device.place(scope, told);
    }

    private Buffer derived(Point point) {
      Buffer d = device.allocate(scope, operator.dimension());
      if (adam == null) {
        algebra.copy(point.gradient(), d);
      } else {
        adam.solve(point.gradient(), d);
      }
      double rate = update.learningRate();
      double decay = update.weightDecay();
      algebra.axpby(-rate * decay, point.parameters(), -rate, d);
      return d;
    }

    void curvatureAlong(Buffer d) {
      if (!wants(Signal.DIRECTIONAL_CURVATURE_RATIO)) {
        return;
      }
      Buffer unit = device.allocate(scope, d.size());
      algebra.axpby(1 / Math.sqrt(algebra.dot(d, d)), d, 0, unit);
      double form = operator.quadraticForm(Vectors.of(unit, 1, unit.size()))[0];
      NonFiniteException.check("curvature along the update", form);
      double squares = adam == null ? algebra.dot(unit, unit) : adam.squaredNorm(unit);
      update
          .ofLimit(Reading.of(form / squares))
          .ifPresent(r -> readings.put(Signal.DIRECTIONAL_CURVATURE_RATIO, r));
    }

    /** Squared cosines with the vectors, which are orthonormal. */
    void oscillation(Buffer d, RitzPairs pairs) {
      double inside = 0;
      boolean any = false;
      for (int i = 0; i < pairs.values().size(); i++) {
        if (pairs.values().get(i).value() > 0) {
          double component = algebra.dot(pairs.vectors().vector(i), d);
          inside += component * component;
          any = true;
        }
      }
      if (any) {
        readings.put(Signal.OSCILLATION, Reading.of(inside / algebra.dot(d, d)));
      }
    }

    void criticalRate(Optional<Buffer> step, Optional<Point> point) {
      if (!wants(Signal.CRITICAL_RATE_RATIO)) {
        return;
      }
      if (update.lossAlong().isPresent()) {
        DoubleUnaryOperator along = update.lossAlong().get();
        record(CriticalRate.find(along.applyAsDouble(0), along));
      } else if (step.isPresent() && point.isPresent()) {
        try (Losses losses = point.get().losses().orElse(null)) {
          if (losses != null) {
            record(CriticalRate.find(point.get().loss(), along(point.get(), step.get(), losses)));
          }
        }
      }
    }

    private DoubleUnaryOperator along(Point point, Buffer d, Losses losses) {
      Buffer moved = device.allocate(scope, d.size());
      return s -> {
        lossWork += LOSS_WORK;
        algebra.copy(d, moved);
        algebra.axpby(1, point.parameters(), s, moved);
        return losses.at(moved);
      };
    }

    private void record(CriticalRate found) {
      readings.put(Signal.CRITICAL_RATE_RATIO, found.ratio());
    }
  }

  /** Frees the stored vector; closing twice is harmless. */
  @Override
  public void close() {
    if (storedScope != null) {
      storedScope.close();
    }
    storedScope = null;
    sharpest = null;
  }
}
