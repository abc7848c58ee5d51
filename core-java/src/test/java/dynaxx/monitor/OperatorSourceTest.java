package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.SpectrumProbe;
import org.junit.jupiter.api.Test;

/** Snapshots of any operator. */
class OperatorSourceTest {

  private int opened;
  private int closed;

  /** Twice the identity, or what fails. */
  private final class Counted implements SymmetricOperator, AutoCloseable {
    private final SymmetricOperator twice;
    private final boolean fails;

    Counted(Device device, long n, boolean fails) {
      opened++;
      this.fails = fails;
      twice =
          SymmetricOperator.of(
              n,
              device,
              (v, hv) -> {
                for (int k = 0; k < v.count(); k++) {
                  device.algebra().axpby(2, v.vector(k), 0, hv.vector(k));
                }
              });
    }

    @Override
    public long dimension() {
      return twice.dimension();
    }

    @Override
    public Device device() {
      return twice.device();
    }

    @Override
    public void apply(Vectors v, Vectors hv) {
      if (fails) {
        throw new IllegalStateException("no product");
      }
      twice.apply(v, hv);
    }

    @Override
    public void close() {
      closed++;
    }
  }

  @Test
  void everyOperatorThatIsAskedForIsClosed() {
    try (Device device = Devices.cpu(1);
        SpectrumProbe probe = new SpectrumProbe()) {
      SnapshotSource source = SnapshotSource.of(probe, 40, () -> new Counted(device, 40, false));
      for (int i = 1; i <= 3; i++) {
        assertEquals(2, source.measure(ProbeSettings.article()).spectrum().max().value(), 1e-5);
        assertEquals(i, opened);
        assertEquals(i, closed);
      }
      SnapshotSource broken = SnapshotSource.of(probe, 40, () -> new Counted(device, 40, true));
      assertThrows(IllegalStateException.class, () -> broken.measure(ProbeSettings.article()));
      assertEquals(opened, closed, "also if it fails");
      SnapshotSource other = SnapshotSource.of(probe, 41, () -> new Counted(device, 40, false));
      assertTrue(
          assertThrows(IllegalArgumentException.class, () -> other.measure(ProbeSettings.article()))
              .getMessage()
              .equals("operator: found dimension 40, expected 41"));
      assertEquals(opened, closed, "also if it does not fit");
    }
  }

  @Test
  void itsSizeDecidesTheSchedule() {
    try (SpectrumProbe probe = new SpectrumProbe()) {
      SnapshotSource large = SnapshotSource.of(probe, 2_000_000_000L, () -> null);
      assertEquals(2_000_000_000L, large.parameterCount());
      PhaseMonitor monitor = PhaseMonitor.of(large).build();
      for (long step = 0; step < 1000; step++) {
        monitor.afterStep(StepReport.at(step).batchSize(256));
      }
      assertThrows(
          NullPointerException.class,
          () -> {
            for (long step = 1000; step < 1010; step++) {
              monitor.afterStep(StepReport.at(step).batchSize(256));
            }
          },
          "the first snapshot is due after 1000 steps");
      assertThrows(IllegalArgumentException.class, () -> SnapshotSource.of(probe, 0, () -> null));
    }
  }
}
