package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.EmpiricalFisher;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.Hessian;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Whole snapshots of each kind, and products of the other matrices, against the gradient of the
 * same network over the same batch.
 */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 5)
@Measurement(iterations = 4, time = 5)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class SnapshotBenchmark {

  private static final int DIRECTIONS = 8;

  /** The demo's quick network; also {@code -p network=1M,10M}, for a GPU {@code vit-s16,350M}. */
  @Param("quick")
  public String network;

  /** Examples of the batch. */
  @Param("256")
  public int batch;

  private final Scope scope = Scope.open();
  private Device device;
  private Workload work;
  private Hessian hessian;
  private GaussNewton gaussNewton;
  private EmpiricalFisher fisher;
  private CurvatureProbe probe;
  private Directions directions;

  /** Builds the network; what only some benchmarks need is made when first used. */
  @Setup(Level.Trial)
  public void open() {
    work = Workload.of(network, batch, scope);
    device = Devices.open();
    hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
    probe = new CurvatureProbe(work.network(), work.loss(), work.batch(), device);
  }

  /** Frees memory and threads. */
  @TearDown(Level.Trial)
  public void close() {
    probe.close();
    hessian.close();
    scope.close();
    device.close();
  }

  /** Forward and backward pass. */
  @Benchmark
  public double gradient() {
    return hessian.linearize(work.parameters()).gradientNorm();
  }

  /** Fifteen Lanczos steps, eight probes, gradient variance. */
  @Benchmark
  public Snapshot article() {
    return probe.measure(work.parameters(), ProbeSettings.article());
  }

  /** Until converged, with certificate, sixteen deflated probes, noise scale, four parts. */
  @Benchmark
  public Snapshot certified() {
    return probe.measure(work.parameters(), ProbeSettings.certified());
  }

  /** Quadratic forms of stored vectors, which the first call stores, and four probes. */
  @Benchmark
  public Snapshot cheap() {
    return probe.measure(work.parameters(), ProbeSettings.cheap());
  }

  /** Eight products with the Gauss-Newton matrix. */
  @Benchmark
  public Vectors gaussNewton8() {
    if (gaussNewton == null) {
      gaussNewton = new GaussNewton(work.network(), work.loss(), work.batch(), device);
      scope.onClose(gaussNewton::close);
      gaussNewton.linearize(work.parameters());
    }
    return products(gaussNewton);
  }

  /** Eight products with the empirical Fisher matrix. */
  @Benchmark
  public Vectors fisher8() {
    if (fisher == null) {
      fisher = new EmpiricalFisher(work.network(), work.loss(), work.batch(), device);
      scope.onClose(fisher::close);
      fisher.linearize(work.parameters());
    }
    return products(fisher);
  }

  private Vectors products(SymmetricOperator operator) {
    if (directions == null) {
      directions = Directions.of(device, scope, DIRECTIONS, hessian.dimension());
    }
    operator.apply(directions.v(), directions.products());
    return directions.done();
  }
}
