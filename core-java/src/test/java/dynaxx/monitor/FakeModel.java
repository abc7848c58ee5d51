package dynaxx.monitor;

import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Spectrum;
import dynaxx.spectrum.Spectrum.Cost;
import dynaxx.spectrum.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** A model whose curvature and cost a test sets. */
final class FakeModel implements SnapshotSource {

  static final double CHEAP_GRADIENTS = 10;

  double min = -1;
  double max = 10;
  double trace = 50;
  Map<Signal, Signal.Reading> readings = Map.of();
  double secondsPerGradient;
  long parameters;
  int examples;
  long nanos;
  final List<ProbeSettings> asked = new ArrayList<>();

  @Override
  public Snapshot measure(ProbeSettings settings) {
    asked.add(settings);
    boolean cheap = settings.lanczos().isEmpty();
    double gradients =
        cheap ? CHEAP_GRADIENTS : 2.0 * settings.lanczos().get().cap() + settings.probes() + 2;
    nanos += (long) (1e9 * gradients * secondsPerGradient);
    Spectrum spectrum =
        new Spectrum(
            extreme(min, cheap),
            extreme(max, cheap),
            min < 0 ? new Verdict.Negative(min, false) : new Verdict.Undecided(),
            new Estimate(trace, 0.01 * trace, new double[] {trace * 0.99, trace * 1.01}),
            Optional.empty(),
            new Cost(1, 1, 1, 0));
    return new Snapshot(
        1,
        1,
        spectrum,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        readings,
        gradients,
        gradients * secondsPerGradient);
  }

  private static ExtremeEigenvalue extreme(double value, boolean cheap) {
    OptionalDouble residual =
        cheap ? OptionalDouble.empty() : OptionalDouble.of(1e-3 * Math.abs(value));
    return new ExtremeEigenvalue(value, residual, OptionalDouble.empty(), 1e-9, !cheap);
  }

  @Override
  public long parameterCount() {
    return parameters;
  }

  @Override
  public int examples() {
    return examples;
  }

  void train(double seconds) {
    nanos += (long) (1e9 * seconds);
  }
}
