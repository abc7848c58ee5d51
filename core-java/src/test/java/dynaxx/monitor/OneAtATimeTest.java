package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A monitor is used by one thread at a time, whichever it is. */
@Timeout(60)
class OneAtATimeTest {

  @Test
  void twoThreadsAtOnceAreRefused() throws InterruptedException {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch mayLeave = new CountDownLatch(1);
    PhaseMonitor monitor =
        PhaseMonitor.of(new FakeModel())
            .every(1000)
            .sink(
                record -> {
                  inside.countDown();
                  try {
                    mayLeave.await();
                  } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                })
            .build();
    Thread host = Thread.ofPlatform().name("host").start(() -> monitor.afterStep(StepReport.at(0)));
    inside.await();
    for (Runnable call :
        new Runnable[] {
          () -> monitor.afterStep(StepReport.at(1)),
          () -> monitor.restarted(1),
          () -> monitor.checkpointed(1),
          () -> monitor.epochEnded(1),
          () -> monitor.learningRateChanged(1),
          monitor::measureNext,
          monitor::finish,
          monitor::close,
          () -> monitor.recall(new MonitorRecord.Validation(Observation.at(1)))
        }) {
      String message = assertThrows(IllegalStateException.class, call::run).getMessage();
      assertTrue(message.contains("while one from thread host is being served"), message);
    }
    assertEquals(0, monitor.usage().snapshots(), "usage may be asked");
    mayLeave.countDown();
    host.join();
    monitor.afterStep(StepReport.at(2));
  }

  @Test
  void virtualThreadsMayHandOverBetweenCalls() throws InterruptedException {
    PhaseMonitor monitor = PhaseMonitor.of(new FakeModel()).every(10).build();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    for (int step = 0; step < 100; step++) {
      long now = step;
      Thread each =
          Thread.ofVirtual()
              .uncaughtExceptionHandler((t, e) -> failure.set(e))
              .start(() -> monitor.afterStep(StepReport.at(now)));
      each.join();
    }
    assertEquals(null, failure.get());
    assertEquals(10, monitor.usage().snapshots());
  }

  /** A control that tells the monitor of its own checkpoint calls from within. */
  @Test
  void aCallFromWithinIsServed() {
    AtomicReference<PhaseMonitor> own = new AtomicReference<>();
    PhaseMonitor monitor =
        PhaseMonitor.of(new FakeModel())
            .every(10)
            .sink(
                record -> {
                  if (record instanceof MonitorRecord.Step step && step.step() == 0) {
                    own.get().measureNext();
                  }
                })
            .build();
    own.set(monitor);
    monitor.afterStep(StepReport.at(0));
    assertTrue(monitor.afterStep(StepReport.at(1)).snapshot().isPresent());
    monitor.afterStep(StepReport.at(2));
  }
}
