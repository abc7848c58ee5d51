package dynaxx.app.train;

import dynaxx.monitor.Observation;
import dynaxx.monitor.SnapshotSource;
import dynaxx.operator.Preconditioned;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Snapshot;
import java.util.Optional;

/**
 * Snapshots of what a trainer trains; those that are not cheap also have the sharpness that decides
 * whether Adam is stable.
 */
public final class TrainerSource implements SnapshotSource {

  /** Most Lanczos steps for the preconditioned sharpness, which mostly stands alone. */
  private static final int SHARPNESS_STEPS = 20;

  private final Trainer trainer;
  private final long seed;
  private CurvatureProbe probe;
  private Reading preconditioned;

  /**
   * A source.
   *
   * @param trainer whose parameters and optimizer are measured
   * @param probe of its network; closed by others
   * @param seed of the start vectors
   */
  public TrainerSource(Trainer trainer, CurvatureProbe probe, long seed) {
    this.trainer = trainer;
    this.probe = probe;
    this.seed = seed;
  }

  /** Measures by another probe from now on. */
  public void use(CurvatureProbe other) {
    probe = other;
  }

  /** The preconditioned sharpness of the last snapshot; empty if the optimizer has none. */
  public Optional<Reading> preconditioned() {
    return Optional.ofNullable(preconditioned);
  }

  @Override
  public Snapshot measure(ProbeSettings settings) {
    return probe.measure(trainer.parameters(), settings);
  }

  @Override
  public long parameterCount() {
    return trainer.parameters().size();
  }

  @Override
  public Observation alsoMeasure(Observation observation) {
    preconditioned = null;
    boolean cheap = observation.readings().get(Signal.LAMBDA_MAX).error().isEmpty();
    Optional<Preconditioned> operator =
        cheap ? Optional.empty() : trainer.optimizer().precondition(probe.hessian());
    if (operator.isEmpty()) {
      return observation;
    }
    try (Preconditioned sharp = operator.get()) {
      Lanczos lanczos = Lanczos.lambdaMax().withCap(SHARPNESS_STEPS).withSeed(seed);
      ExtremeEigenvalue found = lanczos.withCertificate(false).run(sharp).max();
      preconditioned = new Reading(found.value(), found.residual());
      return observation.with(Signal.PRECONDITIONED_LAMBDA_MAX, preconditioned);
    }
  }
}
