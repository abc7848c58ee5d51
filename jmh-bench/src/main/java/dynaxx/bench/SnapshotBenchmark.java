package dynaxx.bench;

import dynaxx.memory.Vectors;
import dynaxx.operator.EmpiricalFisher;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.Hessian;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Whole snapshots of each kind, and products of the other matrices, against the gradient of the
 * same network over the same batch.
 */
public class SnapshotBenchmark extends DeviceBenchmark {

  private static final int DIRECTIONS = 8;

  /** The demo's quick network; also {@code -p network=1M,10M}, for a GPU {@code vit-s16,350M}. */
  @Param("quick")
  public String network;

  /** Examples of the batch. */
  @Param("256")
  public int batch;

  private Workload work;
  private Hessian hessian;
  private GaussNewton gaussNewton;
  private EmpiricalFisher fisher;
  private CurvatureProbe probe;
  private Directions directions;

  /** Builds the network; what only some benchmarks need is made when first used. */
  @Setup(Level.Trial)
  public void open() {
    openDevice();
    work = Workload.of(network, batch, scope);
    hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
    scope.onClose(hessian::close);
    probe = new CurvatureProbe(work.network(), work.loss(), work.batch(), device);
    scope.onClose(probe::close);
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
