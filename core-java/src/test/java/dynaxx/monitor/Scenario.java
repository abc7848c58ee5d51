package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;

/**
 * A made-up run of which is known when its landscape changes. Five signals lie at constant levels
 * with independent multiplicative noise of 5 %: lambda_max, lambda_min, trace, gradient variance
 * and loss. A pattern, in standard deviations of that noise, is added to some of them.
 *
 * @param snapshots in the run
 * @param every steps between snapshots
 * @param noise around the levels
 * @param patterns for each signal of {@link #SIGNALS}, what is added at a snapshot
 * @param missing probability that a value is missing
 */
record Scenario(
    int snapshots, int every, Noise noise, List<IntToDoubleFunction> patterns, double missing) {

  static final List<Signal> SIGNALS =
      List.of(
          Signal.LAMBDA_MAX,
          Signal.TRACE,
          Signal.GRADIENT_VARIANCE,
          Signal.LOSS,
          Signal.LAMBDA_MIN);

  private static final double[] LEVELS = {50, 300, 2, 1.5, -4};
  private static final double RELATIVE = 0.05;
  private static final IntToDoubleFunction NOTHING = i -> 0;

  /** Families of noise with unit variance, and a drift. */
  enum Noise {
    GAUSSIAN,
    /** Student's t with three degrees of freedom: outliers. */
    T3,
    /** First-order autoregression with coefficient 0.5. */
    AR,
    /** Gaussian, while every level drifts by one standard deviation in 50 snapshots. */
    DRIFT
  }

  static Scenario quiet(int snapshots, Noise noise) {
    return new Scenario(
        snapshots, 10, noise, List.of(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING), 0);
  }

  /** The same with a pattern in trace and gradient variance, and nothing in the others. */
  Scenario withTwo(IntToDoubleFunction pattern) {
    return new Scenario(
        snapshots, every, noise, List.of(NOTHING, pattern, pattern, NOTHING, NOTHING), missing);
  }

  /** The same with a pattern in trace alone. */
  Scenario withOne(IntToDoubleFunction pattern) {
    return new Scenario(
        snapshots, every, noise, List.of(NOTHING, pattern, NOTHING, NOTHING, NOTHING), missing);
  }

  /** The same with a pattern in all signals. */
  Scenario withAll(IntToDoubleFunction pattern) {
    return new Scenario(
        snapshots, every, noise, List.of(pattern, pattern, pattern, pattern, pattern), missing);
  }

  Scenario withMissing(double probability) {
    return new Scenario(snapshots, every, noise, patterns, probability);
  }

  static IntToDoubleFunction step(int at, double size) {
    return i -> i < at ? 0 : size;
  }

  static IntToDoubleFunction ramp(int at, int length, double size) {
    return i -> i < at ? 0 : Math.min(1, (i - at + 1.0) / length) * size;
  }

  static IntToDoubleFunction dip(int at, int length, double size) {
    return i -> i < at || i >= at + length ? 0 : -size;
  }

  static IntToDoubleFunction sine(int from, double period, double amplitude) {
    return i -> i < from ? 0 : amplitude * Math.sin(2 * Math.PI * (i - from + 0.25) / period);
  }

  static IntToDoubleFunction sawtooth(int period, double amplitude) {
    return i -> amplitude * (1 - 2.0 * (i % period) / period);
  }

  /** The observations; the same for the same seed. */
  List<Observation> observations(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] noises = new double[SIGNALS.size()];
    double[] slopes = new double[SIGNALS.size()];
    for (int s = 0; s < slopes.length; s++) {
      noises[s] = random.nextGaussian();
      slopes[s] = noise == Noise.DRIFT ? (random.nextBoolean() ? 0.02 : -0.02) : 0;
    }
    List<Observation> all = new ArrayList<>(snapshots);
    for (int i = 0; i < snapshots; i++) {
      Observation observation = Observation.at((long) i * every);
      for (int s = 0; s < slopes.length; s++) {
        noises[s] = next(random, noises[s]);
        double deviations = noises[s] + slopes[s] * i + patterns.get(s).applyAsDouble(i);
        if (random.nextDouble() >= missing) {
          double value = LEVELS[s] * Math.exp(RELATIVE * deviations);
          observation = observation.with(SIGNALS.get(s), value);
        }
      }
      all.add(observation);
    }
    return all;
  }

  private double next(SplittableRandom random, double before) {
    double normal = random.nextGaussian();
    return switch (noise) {
      case GAUSSIAN, DRIFT -> normal;
      case AR -> 0.5 * before + Math.sqrt(0.75) * normal;
      case T3 -> {
        double a = random.nextGaussian();
        double b = random.nextGaussian();
        double c = random.nextGaussian();
        yield normal / Math.sqrt(a * a + b * b + c * c);
      }
    };
  }

  static List<Event> replay(Rules rules, List<Observation> observations) {
    List<Event> events = new ArrayList<>();
    observations.forEach(observation -> events.addAll(rules.observe(observation)));
    events.addAll(rules.finish());
    return events;
  }
}
