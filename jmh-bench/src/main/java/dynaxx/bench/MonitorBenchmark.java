package dynaxx.bench;

import dynaxx.memory.HostBuffer;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.StepReport;
import dynaxx.spectrum.CurvatureProbe;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** What a monitor costs the host in steps without a snapshot. */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class MonitorBenchmark extends DeviceBenchmark {

  private static final double LOSS = 1.5;
  private static final double NORM = 0.3;
  private static final double RATE = 1e-3;

  /** Whether the host gives its loss only, or gradient norm and learning rate as well. */
  @Param({"false", "true"})
  public boolean everything;

  private PhaseMonitor monitor;
  private long step;

  /** Builds a monitor whose first and only snapshot is before the measurement. */
  @Setup(Level.Trial)
  public void open() {
    openDevice();
    Workload work = Workload.of("quick", scope);
    HostBuffer parameters = work.parameters();
    CurvatureProbe probe = new CurvatureProbe(work.network(), work.loss(), work.batch(), device);
    scope.onClose(probe::close);
    monitor = PhaseMonitor.of(probe, parameters).every(Integer.MAX_VALUE).build();
    scope.onClose(monitor::close);
    afterStep();
  }

  /**
   * One step.
   *
   * @return what the host gets
   */
  @Benchmark
  public PhaseMonitor.Outcome afterStep() {
    StepReport report = StepReport.at(step++).loss(LOSS);
    if (everything) {
      report = report.gradientNorm(NORM).learningRate(RATE);
    }
    return monitor.afterStep(report);
  }
}
