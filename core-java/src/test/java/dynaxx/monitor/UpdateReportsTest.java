package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.operator.Adam;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update;
import dynaxx.testing.KnownCase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What a monitor makes of the updates that a host tells. */
class UpdateReportsTest {

  private static final int STEPS = 12;

  /** A host whose parameters, step and moments change at every step. */
  private static final class Host implements AutoCloseable {
    final KnownCase c = KnownCase.mlpTanh();
    final Scope scope = Scope.open();
    final HostBuffer parameters = c.host(scope, "parameters");
    final HostBuffer step = scope.allocate(parameters.size());
    final HostBuffer second = scope.allocate(parameters.size());
    final List<Long> asked = new ArrayList<>();

    StepReport report(long number) {
      for (long i = 0; i < step.size(); i++) {
        step.set(i, 1e-3f * (float) Math.sin(i + number));
        second.set(i, 0.01f + 0.001f * (float) Math.cos(i * number));
      }
      return StepReport.at(number)
          .loss(2)
          .gradientNorm(0.5 + number)
          .batchSize(16)
          .learningRate(0.01)
          .update(
              () -> {
                asked.add(number);
                Adam adam = new Adam(number + 1, 0.9, 0.999, 1e-8);
                return Update.adam(0.01, adam, second, 0).step(step);
              });
    }

    void move() {
      for (long i = 0; i < step.size(); i++) {
        parameters.set(i, parameters.get(i) + step.get(i));
        step.set(i, Float.NaN);
        second.set(i, Float.NaN);
      }
    }

    @Override
    public void close() {
      scope.close();
    }
  }

  private record Run(Map<Long, Observation> snapshots, float[] parameters, List<Long> asked) {}

  private static Run run(boolean beside) {
    Map<Long, Observation> snapshots = new TreeMap<>();
    try (Device device = Devices.cpu(1);
        Host host = new Host();
        CurvatureProbe probe =
            new CurvatureProbe(host.c.network(), host.c.loss(), host.c.batch(host.scope), device)) {
      PhaseMonitor.Builder builder =
          PhaseMonitor.of(probe, host.parameters)
              .every(5)
              .sink(
                  record -> {
                    if (record instanceof MonitorRecord.Step s && s.effort().isPresent()) {
                      snapshots.put(s.step(), s.observation());
                    }
                  });
      try (PhaseMonitor monitor = (beside ? builder.background(1) : builder).build()) {
        for (int i = 0; i < STEPS; i++) {
          monitor.afterStep(host.report(i));
          host.move();
        }
        monitor.finish();
      }
      return new Run(snapshots, host.parameters.toArray(), host.asked);
    }
  }

  @Test
  void theUpdateIsAskedForWhereASnapshotIsMade() {
    Run run = run(false);
    assertEquals(List.of(0L, 5L, 10L), run.asked());
    assertEquals(List.copyOf(run.snapshots().keySet()), run.asked());
    for (Map.Entry<Long, Observation> at : run.snapshots().entrySet()) {
      Observation o = at.getValue();
      double sharpness = o.value(Signal.PRECONDITIONED_LAMBDA_MAX).orElseThrow();
      assertEquals(
          sharpness * 0.01 / 38, o.value(Signal.SHARPNESS_RATIO).orElseThrow(), 1e-9 * sharpness);
      assertTrue(o.value(Signal.DIRECTIONAL_CURVATURE_RATIO).isPresent());
      assertTrue(o.value(Signal.CRITICAL_RATE_RATIO).isPresent());
      assertTrue(o.reading(Signal.BATCH_SHARPNESS_RATIO).orElseThrow().error().isPresent());
    }
    double norm = 5.5;
    double decoupling = run.snapshots().get(5L).value(Signal.DECOUPLING_RATIO).orElseThrow();
    double corrected = 0;
    for (int i = 0; i < 1450; i++) {
      corrected += (0.01 + 0.001 * Math.cos(i * 5)) / (1 - Math.pow(0.999, 6));
    }
    assertEquals(norm * norm / corrected, decoupling, 1e-5 * decoupling);
  }

  /** The host overwrites its step and its moments while they are measured. */
  @Test
  void besideTheTrainingItIsOfACopy() {
    Run between = run(false);
    Run beside = run(true);
    assertArrayEquals(between.parameters(), beside.parameters());
    Observation one = between.snapshots().get(0L);
    Observation other = beside.snapshots().get(0L);
    assertEquals(one.readings(), other.readings());
  }
}
