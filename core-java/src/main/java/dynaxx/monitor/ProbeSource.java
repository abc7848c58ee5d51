package dynaxx.monitor;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Update;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;

/** Snapshots of a network by a probe. */
final class ProbeSource implements SnapshotSource {

  private final CurvatureProbe probe;
  private final Buffer parameters;

  ProbeSource(CurvatureProbe probe, Buffer parameters) {
    this.probe = Objects.requireNonNull(probe, "probe");
    this.parameters = Objects.requireNonNull(parameters, "parameters");
  }

  @Override
  public Snapshot measure(ProbeSettings settings) {
    return probe.measure(parameters, settings);
  }

  @Override
  public Snapshot measure(ProbeSettings settings, Optional<Update> update) {
    return probe.measure(parameters, settings, update);
  }

  @Override
  public long parameterCount() {
    return parameters.size();
  }

  @Override
  public int examples() {
    return probe.examples();
  }

  @Override
  public SnapshotSource detach(int threads) {
    Device own = Devices.open(probe.device().name(), threads);
    try {
      return new Twin(probe.on(own), own, probe.device(), parameters);
    } catch (RuntimeException | Error e) {
      own.close();
      throw e;
    }
  }

  /** The same probe on a device of its own, over a copy in host memory. */
  private static final class Twin implements SnapshotSource {
    private final CurvatureProbe probe;
    private final Device own;
    private final Device host;
    private final Buffer parameters;
    private final Scope scope = Scope.open();
    private final HostBuffer copy;

    Twin(CurvatureProbe probe, Device own, Device host, Buffer parameters) {
      this.probe = probe;
      this.own = own;
      this.host = host;
      this.parameters = parameters;
      this.copy = scope.allocate(parameters.size());
    }

    @Override
    public void copyParameters() {
      if (parameters instanceof HostBuffer values) {
        MemorySegment.copy(values.segment(), 0, copy.segment(), 0, copy.segment().byteSize());
      } else {
        host.download(parameters, copy.segment());
      }
    }

    @Override
    public Snapshot measure(ProbeSettings settings) {
      return probe.measure(copy, settings);
    }

    @Override
    public Snapshot measure(ProbeSettings settings, Optional<Update> update) {
      return probe.measure(copy, settings, update);
    }

    @Override
    public long parameterCount() {
      return copy.size();
    }

    @Override
    public void close() {
      try (scope;
          own) {
        probe.close();
      }
    }
  }
}
