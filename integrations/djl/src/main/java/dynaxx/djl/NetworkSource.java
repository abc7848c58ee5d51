package dynaxx.djl;

import ai.djl.ndarray.NDList;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.monitor.SnapshotSource;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Update;
import java.util.Optional;

/** Snapshots of a block by a network of dynaxx, on the thread of the training or beside it. */
final class NetworkSource implements SnapshotSource {

  private final Scope scope = Scope.open();
  private final Loss loss;
  private final Batch examples;
  private final Device device;
  private final boolean detached;
  private final HostBuffer parameters;
  private DjlNetwork network;
  private CurvatureProbe probe;

  NetworkSource(DjlNetwork network, Loss loss, NDList data, NDList labels, Device device) {
    this.network = network;
    this.loss = loss;
    this.device = device;
    this.detached = false;
    try {
      this.examples = network.batch(loss, data, labels, scope);
      this.parameters = scope.allocate(network.network().parameterCount());
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private NetworkSource(NetworkSource of, Device own) {
    this.network = of.network;
    this.loss = of.loss;
    this.examples = of.examples;
    this.device = own;
    this.detached = true;
    this.parameters = scope.allocate(of.parameters.size());
  }

  @Override
  public long parameterCount() {
    return parameters.size();
  }

  @Override
  public SnapshotSource detach(int threads) {
    return new NetworkSource(this, Devices.open(device.name(), threads));
  }

  /** Reads the block, on the thread of its training. */
  @Override
  public void copyParameters() {
    DjlNetwork current = network.current();
    if (current != network) {
      closeProbe();
      network = current;
    }
    network.copyParameters(parameters);
  }

  @Override
  public Snapshot measure(ProbeSettings settings) {
    return measure(settings, Optional.empty());
  }

  @Override
  public Snapshot measure(ProbeSettings settings, Optional<Update> update) {
    if (!detached) {
      copyParameters();
    }
    if (probe == null) {
      probe = new CurvatureProbe(network.network(), loss, examples, device);
    }
    return probe.measure(parameters, settings, update);
  }

  private void closeProbe() {
    if (probe != null) {
      probe.close();
      probe = null;
    }
  }

  @Override
  public void close() {
    closeProbe();
    scope.close();
    if (detached) {
      device.close();
    }
  }
}
