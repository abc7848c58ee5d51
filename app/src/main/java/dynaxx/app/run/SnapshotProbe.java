package dynaxx.app.run;

import dynaxx.backend.Backend;
import dynaxx.memory.HostBuffer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.GradientStatistics;
import dynaxx.spectrum.Hutchinson;
import dynaxx.spectrum.Lanczos;
import java.util.Arrays;

/**
 * Takes snapshots over one fixed subset with the same start vector and the same probes every time.
 * Three quarters of the backend's memory limit go to the Hessian, one quarter to the gradients.
 */
public final class SnapshotProbe implements AutoCloseable {

  private final Network network;
  private final Loss loss;
  private final Batch subset;
  private final int microBatch;
  private final Backend backend;
  private final long memory;
  private final Hessian hessian;
  private final Lanczos lanczos;
  private final Hutchinson hutchinson;

  public SnapshotProbe(
      Network network,
      Loss loss,
      Batch subset,
      int microBatch,
      Lanczos lanczos,
      Hutchinson hutchinson,
      Backend backend) {
    this.network = network;
    this.loss = loss;
    this.subset = subset;
    this.microBatch = microBatch;
    this.backend = backend;
    this.lanczos = lanczos;
    this.hutchinson = hutchinson;
    this.memory = backend.defaultMemoryLimit();
    int directions = Hessian.Limits.DEFAULT.directions();
    Hessian.Limits limits = new Hessian.Limits(memory - memory / 4, 0, directions);
    this.hessian = new Hessian(network, loss, subset, backend, limits);
  }

  /** Measures at these parameters and leaves them as they are. */
  public Snapshot measure(HostBuffer parameters) {
    long start = System.nanoTime();
    hessian.linearize(parameters);
    Lanczos.Result spectrum = lanczos.run(hessian);
    Hutchinson.Trace trace = hutchinson.run(hessian);
    GradientStatistics gradients =
        GradientStatistics.measure(
            network, loss, subset, microBatch, memory / 4, parameters, backend);
    int sparse =
        (int)
            hessian.attentionEntropy().stream()
                .flatMapToDouble(Arrays::stream)
                .filter(nats -> nats < Snapshot.SPARSE_NATS)
                .count();
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Snapshot(
        gradients.variance(), spectrum.min(), spectrum.max(), trace, sparse, seconds);
  }

  @Override
  public void close() {
    hessian.close();
  }
}
