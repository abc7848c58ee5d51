package dynaxx.monitor;

import dynaxx.memory.Buffer;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.SpectrumProbe;
import dynaxx.spectrum.Update;
import java.util.Optional;
import java.util.function.Supplier;

/** Measures the host's model as it is at the moment, and changes nothing of it. */
@FunctionalInterface
public interface SnapshotSource extends AutoCloseable {

  /**
   * Measures.
   *
   * @param settings what to measure
   * @return the snapshot
   */
  Snapshot measure(ProbeSettings settings);

  /**
   * Measures, with what the host's coming update meets. A source that cannot measures the rest.
   *
   * @param settings what to measure
   * @param update what the host is about to do, if it told ({@link StepReport#update})
   * @return the snapshot
   */
  default Snapshot measure(ProbeSettings settings, Optional<Update> update) {
    return measure(settings);
  }

  /**
   * Size of the model, on which the schedule depends.
   *
   * @return parameters, or 0 if not known
   */
  default long parameterCount() {
    return 0;
  }

  /**
   * Size of the subset, from which the cost of the first snapshot is predicted.
   *
   * @return examples, or 0 if not known
   */
  default int examples() {
    return 0;
  }

  /**
   * Adds what else belongs to a snapshot, for example the sharpness of the preconditioned Hessian;
   * its time counts as the monitor's.
   *
   * @param observation with what the snapshot measured
   * @return the same with more readings
   */
  default Observation alsoMeasure(Observation observation) {
    return observation;
  }

  /**
   * A source that measures a copy of the parameters on workers of its own, so that training goes on
   * meanwhile ({@link PhaseMonitor.Builder#background}). A source must say how: by default it
   * cannot.
   *
   * @param threads workers, at least 1
   * @return the source, told when to {@linkplain #copyParameters copy}; closed by the monitor
   * @throws UnsupportedOperationException if this source cannot, with the reason
   */
  default SnapshotSource detach(int threads) {
    throw new UnsupportedOperationException(
        "background: found a source that measures the host's own model, expected one that can work"
            + " on a copy of the parameters: SnapshotSource.of(CurvatureProbe, Buffer), or one that"
            + " implements detach");
  }

  /**
   * Copies the parameters, of which all is measured until the next copy. Called of a {@linkplain
   * #detach detached} source only, on the thread of the host, while nothing is measured.
   */
  default void copyParameters() {}

  /**
   * Frees what this source holds. Called of a {@linkplain #detach detached} source only, while
   * nothing is measured; the monitor does not close the source that it was given.
   */
  @Override
  default void close() {}

  /**
   * A network whose parameters lie in host memory, or where the probe computes. It can measure
   * beside the training, if the probe's subset lies in host memory: on a device of the same kind as
   * the probe's, opened for that.
   *
   * @param probe over a fixed subset; not closed by the monitor
   * @param parameters n values, read at each snapshot
   * @return the source
   */
  static SnapshotSource of(CurvatureProbe probe, Buffer parameters) {
    return new ProbeSource(probe, parameters);
  }

  /**
   * Any symmetric operator. Its snapshots know the spectrum alone; loss and gradient norm in them
   * are NaN. It cannot measure beside the training, as the operator is of the host's own model.
   *
   * @param probe not closed by the monitor
   * @param parameters n, the dimension of the operator, at least 1: the schedule depends on it
   * @param operator gives a new operator at the current parameters; it is closed after the
   *     measurement
   * @return the source
   * @throws IllegalArgumentException if n is below 1; from a measurement, if an operator is of
   *     another dimension
   */
  static SnapshotSource of(
      SpectrumProbe probe, long parameters, Supplier<? extends SymmetricOperator> operator) {
    return new OperatorSource(probe, parameters, operator);
  }
}
