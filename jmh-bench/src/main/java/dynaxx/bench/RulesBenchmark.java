package dynaxx.bench;

import dynaxx.monitor.Event;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Rules;
import dynaxx.spectrum.Signal;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a rule set costs the host in one step of a quiet run. A step reports loss, gradient norm and
 * a learning rate that changes; each hundredth, or each tenth, has a snapshot.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class RulesBenchmark {

  private static final int STEPS = 5000;

  /** Which rules. */
  @Param({"calibrated", "article"})
  public String rules;

  /** Steps between two snapshots: the usual number, and the number in the corpus. */
  @Param({"100", "10"})
  public int every;

  private final Observation[] run = new Observation[STEPS];

  /** Makes the run. */
  @Setup
  public void open() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < STEPS; i++) {
      Observation observation =
          Observation.at(i)
              .with(Signal.LOSS, Math.exp(-i / 5000.0 + 0.05 * random.nextGaussian()))
              .with(Signal.GRADIENT_NORM, Math.exp(0.1 * random.nextGaussian()))
              .with(Signal.LEARNING_RATE, 1e-3 * (1 + Math.cos(Math.PI * i / STEPS)));
      run[i] = i % every == 0 ? measured(observation, random) : observation;
    }
  }

  private static Observation measured(Observation observation, SplittableRandom random) {
    return observation
        .with(Signal.LAMBDA_MIN, -0.5 * Math.exp(0.1 * random.nextGaussian()))
        .with(Signal.LAMBDA_MAX, 20 * Math.exp(0.05 * random.nextGaussian()))
        .with(Signal.TRACE, 100 * Math.exp(0.05 * random.nextGaussian()))
        .with(Signal.GRADIENT_VARIANCE, Math.exp(0.2 * random.nextGaussian()))
        .with(Signal.NOISE_SCALE, Math.exp(0.2 * random.nextGaussian()));
  }

  /**
   * One step, averaged over a run.
   *
   * @return events of the run
   */
  @Benchmark
  @OperationsPerInvocation(STEPS)
  public int step() {
    Rules fresh = rules.equals("calibrated") ? Rules.calibrated() : Rules.article();
    int events = 0;
    for (Observation observation : run) {
      List<Event> seen = fresh.observe(observation);
      events += seen.size();
    }
    return events;
  }
}
