package dynaxx.spectrum;

import dynaxx.network.Network;
import dynaxx.operator.NetworkOperator;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.Signal.Reading;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** Where the signals of a snapshot are measured: each is read off one of its parts. */
final class SnapshotReadings {

  /** Mean entropy, in nats, below which a head counts as sparse. */
  private static final double SPARSE_NATS = 0.5;

  private SnapshotReadings() {}

  /** What spectrum and gradients tell. */
  static Map<Signal, Reading> of(
      Spectrum spectrum,
      Optional<GradientStatistics> gradients,
      Optional<ExampleStatistics> examples) {
    Map<Signal, Reading> readings = new EnumMap<>(Signal.class);
    readings.put(Signal.LAMBDA_MIN, reading(spectrum.min()));
    readings.put(Signal.LAMBDA_MAX, reading(spectrum.max()));
    Estimate trace = spectrum.trace();
    readings.put(
        Signal.TRACE, new Reading(trace.value(), OptionalDouble.of(trace.standardError())));
    gradients.ifPresent(g -> readings.put(Signal.GRADIENT_VARIANCE, Reading.of(g.variance())));
    noiseScale(gradients, examples)
        .map(NoiseScale::simple)
        .orElse(OptionalDouble.empty())
        .ifPresent(scale -> readings.put(Signal.NOISE_SCALE, Reading.of(scale)));
    spectrum.density().ifPresent(d -> readings.put(Signal.NEGATIVE_FRACTION, spread(d)));
    return readings;
  }

  /** The heavy node near zero falls on either side by chance, so the bound without it is taken. */
  private static Reading spread(SpectralDensity density) {
    List<Double> bins = Arrays.stream(density.histogram()).boxed().toList();
    return new Reading(density.leastMassBelow(0), OptionalDouble.empty(), bins);
  }

  /** Over single examples if they were measured, and else from the micro-batches. */
  static Optional<NoiseScale> noiseScale(
      Optional<GradientStatistics> gradients, Optional<ExampleStatistics> examples) {
    return examples
        .map(ExampleStatistics::noiseScale)
        .or(() -> gradients.map(GradientStatistics::noiseScale));
  }

  private static Reading reading(ExtremeEigenvalue found) {
    return new Reading(found.value(), found.residual());
  }

  /** What the network's own forward pass tells, at the operator's parameters. */
  static Map<Signal, Reading> of(NetworkOperator operator) {
    Map<Signal, Reading> readings = new EnumMap<>(Signal.class);
    List<Double> entropies =
        operator.statistic("attention_entropy").stream()
            .flatMapToDouble(Arrays::stream)
            .boxed()
            .toList();
    if (!entropies.isEmpty()) {
      long sparse = entropies.stream().filter(nats -> nats < SPARSE_NATS).count();
      readings.put(Signal.ATTENTION_ENTROPY, Reading.mean(entropies));
      readings.put(Signal.ATTENTION_HEADS_SPARSE, Reading.of(sparse));
    }
    List<Double> fractions =
        operator.statistic("active_fraction").stream().map(layer -> layer[0]).toList();
    if (!fractions.isEmpty()) {
      readings.put(Signal.ACTIVE_FRACTION, Reading.mean(fractions));
    }
    return readings;
  }

  /** Layers that have a value of their own, for each signal of layers that the network has. */
  static Map<Signal, Integer> layers(Network network) {
    Map<Signal, Integer> layers = new EnumMap<>(Signal.class);
    int rectifiers = network.layers("active_fraction").size();
    if (rectifiers > 0) {
      layers.put(Signal.ACTIVE_FRACTION, rectifiers);
    }
    return layers;
  }
}
