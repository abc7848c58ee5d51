package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.Mlp;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.SpectrumProbe;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Snapshots beside the training. */
@Timeout(120)
class BackgroundTest {

  /** A model whose snapshots beside the training end when the test says so. */
  private static final class SlowModel implements SnapshotSource {
    final FakeModel fake = new FakeModel();
    final Semaphore mayEnd = new Semaphore(0);
    final Semaphore ended = new Semaphore(0);
    final AtomicInteger inside = new AtomicInteger();
    final AtomicInteger most = new AtomicInteger();
    final AtomicInteger copies = new AtomicInteger();
    final List<Thread> threads = Collections.synchronizedList(new ArrayList<>());
    volatile RuntimeException fails;
    volatile boolean closed;

    @Override
    public Snapshot measure(ProbeSettings settings) {
      throw new AssertionError("measured on the host's own model");
    }

    @Override
    public SnapshotSource detach(int workers) {
      return new SnapshotSource() {
        @Override
        public void copyParameters() {
          assertEquals(0, inside.get(), "copied while measuring");
          copies.incrementAndGet();
          fake.nanos += 1_000_000;
        }

        @Override
        public Snapshot measure(ProbeSettings settings) {
          most.accumulateAndGet(inside.incrementAndGet(), Math::max);
          threads.add(Thread.currentThread());
          mayEnd.acquireUninterruptibly();
          try {
            if (fails != null) {
              throw fails;
            }
            return fake.measure(settings);
          } finally {
            inside.decrementAndGet();
          }
        }

        @Override
        public Observation alsoMeasure(Observation observation) {
          return observation;
        }

        @Override
        public void close() {
          assertEquals(0, inside.get(), "closed while measuring");
          assertFalse(closed);
          closed = true;
        }
      };
    }
  }

  private static PhaseMonitor.Builder of(SlowModel model) {
    return PhaseMonitor.of(model).every(10).background(1);
  }

  private static StepReport report(long step) {
    return StepReport.at(step).loss(1).batchSize(64);
  }

  /** Reports steps until one brings a snapshot, and gives that outcome. */
  private static PhaseMonitor.Outcome untilSnapshot(PhaseMonitor monitor, long from) {
    for (long step = from; ; step++) {
      PhaseMonitor.Outcome outcome = monitor.afterStep(report(step));
      if (outcome.snapshot().isPresent()) {
        return outcome;
      }
      Thread.onSpinWait();
    }
  }

  @Test
  void aSnapshotComesLaterWithTheStepItIsOf() {
    SlowModel model = new SlowModel();
    List<MonitorRecord> records = new ArrayList<>();
    try (PhaseMonitor monitor = of(model).sink(records::add).build()) {
      for (long step = 0; step < 25; step++) {
        assertTrue(monitor.afterStep(report(step)).snapshot().isEmpty());
      }
      assertEquals(1, model.copies.get(), "one at a time");
      assertEquals(List.of(), records, "what is not judged yet is not written");
      model.mayEnd.release();
      PhaseMonitor.Outcome outcome = untilSnapshot(monitor, 25);
      assertEquals(0, outcome.snapshotStep().orElseThrow());
      assertTrue(records.size() >= 26);
      for (int i = 0; i < records.size(); i++) {
        MonitorRecord.Step step = (MonitorRecord.Step) records.get(i);
        assertEquals(i, step.step());
        assertEquals(i == 0, step.effort().isPresent());
        assertEquals(i == 0, step.observation().value(Signal.LAMBDA_MAX).isPresent());
      }
      model.mayEnd.release(100);
      long later = 1L << 40; // however many steps the first one took
      assertTrue(untilSnapshot(monitor, later).snapshotStep().orElseThrow() >= later);
    }
    assertTrue(model.closed);
    assertEquals(1, model.most.get(), "never two at once");
    assertTrue(model.threads.stream().noneMatch(t -> t == Thread.currentThread()));
  }

  /** The rules see what they would have seen, only later. */
  @Test
  void eventsAreThoseOfSnapshotsBetweenSteps() throws Exception {
    List<Event> between = events(false);
    List<Event> beside = events(true);
    assertFalse(between.isEmpty());
    assertEquals(between.toString(), beside.toString());
  }

  private static List<Event> events(boolean background) throws Exception {
    FakeModel model = new FakeModel();
    SnapshotSource source =
        background
            ? new SnapshotSource() {
              @Override
              public Snapshot measure(ProbeSettings settings) {
                throw new AssertionError();
              }

              @Override
              public SnapshotSource detach(int threads) {
                return new Copying(model);
              }
            }
            : model;
    PhaseMonitor.Builder builder = PhaseMonitor.of(source).every(5);
    List<Event> events = new ArrayList<>();
    try (PhaseMonitor monitor = (background ? builder.background(1) : builder).build()) {
      for (int step = 0; step < 600; step++) {
        Random random = new Random(step);
        double shift = step < 400 ? 0 : 0.5;
        model.max = 10 * Math.exp(0.03 * random.nextGaussian() + shift);
        model.trace = 50 * Math.exp(0.03 * random.nextGaussian() + shift);
        double loss = Math.exp(0.03 * random.nextGaussian());
        events.addAll(monitor.afterStep(StepReport.at(step).loss(loss)).events());
        // Every snapshot is done before the next is due, so that both make the same ones.
        if (background && step % 5 == 3) {
          Copying.worker.get(1, TimeUnit.MINUTES).join();
          Copying.worker = new CompletableFuture<>();
        }
      }
      events.addAll(monitor.finish());
    }
    return events;
  }

  /** Measures the values that a model had when it was copied. */
  private static final class Copying implements SnapshotSource {
    static CompletableFuture<Thread> worker = new CompletableFuture<>();
    private final FakeModel model;
    private final FakeModel copy = new FakeModel();

    Copying(FakeModel model) {
      this.model = model;
    }

    @Override
    public void copyParameters() {
      copy.max = model.max;
      copy.trace = model.trace;
    }

    @Override
    public Snapshot measure(ProbeSettings settings) {
      worker.complete(Thread.currentThread());
      return copy.measure(settings);
    }

    @Override
    public void close() {}
  }

  @Test
  void closingWaitsAndWritesWhatWaited() throws Exception {
    SlowModel model = new SlowModel();
    List<MonitorRecord> records = Collections.synchronizedList(new ArrayList<>());
    PhaseMonitor monitor = of(model).sink(records::add).build();
    monitor.afterStep(report(0));
    monitor.afterStep(report(1));
    Thread closing = Thread.ofVirtual().start(monitor::close);
    Thread.sleep(20);
    assertTrue(closing.isAlive(), "a snapshot is being made");
    model.mayEnd.release();
    closing.join();
    assertTrue(model.closed);
    assertEquals(2, records.size());
    assertTrue(((MonitorRecord.Step) records.getFirst()).effort().isPresent());
    monitor.close();
  }

  /** Restarts and the end wait, too; other notices are taken in their order. */
  @Test
  void noticesKeepTheirOrder() {
    SlowModel model = new SlowModel();
    List<MonitorRecord> records = new ArrayList<>();
    try (PhaseMonitor monitor = of(model).sink(records::add).build()) {
      monitor.afterStep(report(20));
      monitor.checkpointed(20);
      monitor.afterStep(report(21));
      assertEquals(List.of(), records);
      assertThrows(IllegalArgumentException.class, () -> monitor.afterStep(report(21)));
      model.mayEnd.release();
      List<Event> events = monitor.restarted(5);
      assertEquals(Event.Kind.RESTART, events.getLast().kind());
      assertEquals(
          List.of("Step 20", "Notice 20", "Step 21", "Notice 5"),
          records.stream().map(r -> r.getClass().getSimpleName() + " " + r.step()).toList());
      monitor.afterStep(report(6));
      monitor.finish();
    }
  }

  @Test
  void whatFailsIsAnEventAndTrainingGoesOn() {
    SlowModel model = new SlowModel();
    model.mayEnd.release(1000);
    List<Event> events = new ArrayList<>();
    try (PhaseMonitor monitor = of(model).build()) {
      model.fails = new IllegalStateException("out of luck");
      long step = 0;
      while (events.isEmpty()) {
        events.addAll(monitor.afterStep(report(step++)).events());
      }
      assertEquals(Event.Kind.NOT_MEASURED, events.getFirst().kind());
      assertEquals(0, events.getFirst().step());
      assertTrue(events.getFirst().explanation().contains("out of luck"));
      model.fails = null;
      assertTrue(untilSnapshot(monitor, step).snapshot().isPresent());
    }
    SlowModel diverged = new SlowModel();
    diverged.mayEnd.release(1000);
    diverged.fails =
        assertThrows(NonFiniteException.class, () -> NonFiniteException.check("loss", Double.NaN));
    PhaseMonitor monitor = of(diverged).build();
    monitor.afterStep(report(0));
    assertEquals(Event.Kind.NOT_FINITE, monitor.finish().getFirst().kind());
    monitor.close();
  }

  /** A copy of 1 ms, and steps that take 3 ms instead of 2 while the snapshot is made. */
  @Test
  void theBudgetCountsWhatItTakesFromTheHost() {
    SlowModel model = new SlowModel();
    PhaseMonitor monitor = of(model).every(1000).nanoTime(() -> model.fake.nanos).build();
    for (long step = 900; step < 1000; step++) {
      if (step == 900) {
        monitor.afterStep(StepReport.at(900));
        model.mayEnd.release();
        monitor.finish();
        continue;
      }
      model.fake.train(0.002);
      monitor.afterStep(StepReport.at(step));
    }
    double host = monitor.usage().hostSeconds();
    double own = monitor.usage().ownSeconds();
    for (long step = 1000; step < 1010; step++) {
      model.fake.train(step == 1000 ? 0.002 : 0.003);
      monitor.afterStep(StepReport.at(step));
    }
    model.mayEnd.release();
    monitor.close();
    assertEquals(2, monitor.usage().full());
    assertEquals(0.001 + 9 * 0.001, monitor.usage().ownSeconds() - own, 1e-6);
    assertEquals(10 * 0.002, monitor.usage().hostSeconds() - host, 1e-6);
  }

  @Test
  void whatCannotMeasureACopyIsRefused() {
    FakeModel own = new FakeModel();
    assertTrue(
        assertThrows(
                UnsupportedOperationException.class,
                () -> PhaseMonitor.of(own).background(2).build())
            .getMessage()
            .startsWith("background: found a source that measures the host's own model, expected"));
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> PhaseMonitor.of(own).background(0))
            .getMessage()
            .startsWith("background: found 0 threads"));
    try (SpectrumProbe probe = new SpectrumProbe()) {
      assertThrows(
          UnsupportedOperationException.class,
          () -> PhaseMonitor.of(SnapshotSource.of(probe, 3, () -> null)).background(1).build());
    }
  }

  /** A real probe: same snapshots as between steps, same bits of the host as without. */
  @Test
  void aProbeMeasuresACopyWhileTheParametersChange() {
    Network network = Mlp.of(Activation.TANH, 5, 7, 3);
    Loss loss = Loss.crossEntropy();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      HostBuffer x = scope.allocate(12 * 5);
      HostBuffer y = scope.allocate(12);
      Random random = new Random(2);
      for (int i = 0; i < x.size(); i++) {
        x.set(i, (float) random.nextGaussian());
      }
      for (int i = 0; i < y.size(); i++) {
        y.set(i, random.nextInt(3));
      }
      HostBuffer parameters = scope.allocate(network.parameterCount());
      network.initialize(parameters, 1);
      float[] before = parameters.toArray();
      try (CurvatureProbe probe =
          new CurvatureProbe(network, loss, Batch.of(network, loss, x, y), device)) {
        Snapshot expected = probe.measure(parameters, ProbeSettings.article());
        try (PhaseMonitor monitor =
            PhaseMonitor.of(probe, parameters).every(1000).background(2).build()) {
          monitor.afterStep(report(0));
          assertArrayEquals(before, parameters.toArray());
          for (int i = 0; i < parameters.size(); i++) {
            parameters.set(i, parameters.get(i) + 1);
          }
          Snapshot found = untilSnapshot(monitor, 1).snapshot().orElseThrow();
          assertEquals(expected.spectrum().max(), found.spectrum().max());
          assertEquals(expected.spectrum().min(), found.spectrum().min());
          assertEquals(expected.loss(), found.loss());
        }
      }
    }
  }
}
