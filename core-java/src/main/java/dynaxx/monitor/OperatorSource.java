package dynaxx.monitor;

import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Spectrum;
import dynaxx.spectrum.SpectrumProbe;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/** Snapshots of an operator that is asked for, and closed, for each. */
final class OperatorSource implements SnapshotSource {

  private final SpectrumProbe probe;
  private final long parameters;
  private final Supplier<? extends SymmetricOperator> operator;

  OperatorSource(
      SpectrumProbe probe, long parameters, Supplier<? extends SymmetricOperator> operator) {
    if (parameters < 1) {
      throw new IllegalArgumentException(
          "parameters: found " + parameters + ", expected at least 1");
    }
    this.probe = Objects.requireNonNull(probe, "probe");
    this.parameters = parameters;
    this.operator = Objects.requireNonNull(operator, "operator");
  }

  @Override
  public Snapshot measure(ProbeSettings settings) {
    long start = System.nanoTime();
    Spectrum found = spectrum(settings);
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
  }

  private Spectrum spectrum(ProbeSettings settings) {
    try (SymmetricOperator current = operator.get()) {
      if (current.dimension() != parameters) {
        throw new IllegalArgumentException(
            "operator: found dimension " + current.dimension() + ", expected " + parameters);
      }
      return probe.measure(current, settings);
    }
  }

  @Override
  public long parameterCount() {
    return parameters;
  }
}
