package dynaxx.app.train;

import dynaxx.monitor.SnapshotSource;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Update;
import java.util.Optional;

/**
 * Snapshots of what a trainer trains, by a probe that may be replaced together with its network.
 */
public final class TrainerSource implements SnapshotSource {

  private final Trainer trainer;
  private CurvatureProbe probe;

  /**
   * A source.
   *
   * @param trainer whose parameters are measured
   * @param probe of its network; closed by others
   */
  public TrainerSource(Trainer trainer, CurvatureProbe probe) {
    this.trainer = trainer;
    this.probe = probe;
  }

  /** Measures by another probe from now on. */
  public void use(CurvatureProbe other) {
    probe = other;
  }

  @Override
  public Snapshot measure(ProbeSettings settings) {
    return measure(settings, Optional.empty());
  }

  @Override
  public Snapshot measure(ProbeSettings settings, Optional<Update> update) {
    return probe.measure(trainer.parameters(), settings, update);
  }

  @Override
  public long parameterCount() {
    return trainer.parameters().size();
  }
}
