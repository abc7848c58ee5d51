package dynaxx.monitor;

import dynaxx.memory.Buffer;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Spectrum;
import dynaxx.spectrum.SpectrumProbe;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Measures the host's model as it is at the moment, and changes nothing of it. */
@FunctionalInterface
public interface SnapshotSource {

  /**
   * Measures.
   *
   * @param settings what to measure
   * @return the snapshot
   */
  Snapshot measure(ProbeSettings settings);

  /**
   * Size of the model, on which the schedule depends.
   *
   * @return parameters, or 0 if not known
   */
  default long parameterCount() {
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
   * A network whose parameters lie in host memory.
   *
   * @param probe over a fixed subset; not closed by the monitor
   * @param parameters n values, read at each snapshot
   * @return the source
   */
  static SnapshotSource of(CurvatureProbe probe, Buffer parameters) {
    return new SnapshotSource() {
      @Override
      public Snapshot measure(ProbeSettings settings) {
        return probe.measure(parameters, settings);
      }

      @Override
      public long parameterCount() {
        return parameters.size();
      }
    };
  }

  /**
   * Any symmetric operator. Its snapshots know the spectrum alone; loss and gradient norm in them
   * are NaN.
   *
   * @param probe not closed by the monitor
   * @param operator gives the operator at the current parameters, always of the same dimension
   * @return the source
   */
  static SnapshotSource of(SpectrumProbe probe, Supplier<? extends SymmetricOperator> operator) {
    return settings -> {
      long start = System.nanoTime();
      Spectrum found = probe.measure(operator.get(), settings);
      return new Snapshot(
          Double.NaN,
          Double.NaN,
          found,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Map.of(),
          found.cost().gradientEquivalents(),
          (System.nanoTime() - start) / 1e9);
    };
  }
}
