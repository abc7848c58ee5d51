package dynaxx.monitor;

import dynaxx.memory.Scope;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Update;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.LongSupplier;

/**
 * Makes snapshots beside the training, from a copy of the parameters, on a thread of its own; one
 * at a time.
 */
final class Background {

  private static final System.Logger LOG = System.getLogger(PhaseMonitor.class.getName());

  /** Nothing costs nothing: a price of zero is one that is not known. */
  private static final double LEAST_SECONDS = 1e-9;

  private final SnapshotSource twin;
  private final Measurement measurement;
  private FutureTask<Measurement.Result> task;
  private Observation host;
  private List<Made> made;
  private Scope copies;
  private double copySeconds;
  private boolean warned;
  private boolean closed;

  private record Made(PhaseMonitor.Effort effort, Snapshot snapshot) {}

  Background(SnapshotSource twin, ProbeSettings full) {
    this.twin = twin;
    this.measurement = new Measurement(twin, full, System::nanoTime);
  }

  /** Whether a snapshot is being made, or one that was made waits to be taken. */
  boolean busy() {
    return task != null;
  }

  boolean done() {
    return task.isDone();
  }

  /** Copies the parameters and begins to measure. */
  void begin(
      Observation at,
      Optional<Update> update,
      Pacer.Choice plan,
      boolean affordsFull,
      LongSupplier nanoTime) {
    host = at;
    List<Made> snapshots = new ArrayList<>();
    made = snapshots;
    long begin = nanoTime.getAsLong();
    twin.copyParameters();
    copies = Scope.open();
    Optional<Update> own = update.map(u -> u.copy(copies));
    copySeconds = (nanoTime.getAsLong() - begin) / 1e9;
    task =
        new FutureTask<>(
            () ->
                measurement.measure(
                    at,
                    own,
                    plan,
                    () -> affordsFull,
                    (effort, snapshot, seconds) -> snapshots.add(new Made(effort, snapshot))));
    Thread.ofPlatform().daemon().name("dynaxx-monitor").start(task);
  }

  /**
   * Waits for the snapshot and takes it. What it is billed for is what it took of the host's time.
   *
   * @param stolenSeconds by which the host's steps were slower meanwhile
   */
  Measurement.Result take(double stolenSeconds, Measurement.Bill bill) {
    Measurement.Result result = await();
    double work = made.stream().mapToDouble(m -> m.snapshot().gradientEquivalents()).sum();
    for (Made each : made) {
      double share = each.snapshot().gradientEquivalents() / work;
      double seconds = Math.max(LEAST_SECONDS, share * (copySeconds + stolenSeconds));
      bill.made(each.effort(), each.snapshot(), seconds);
    }
    task = null;
    copies.close();
    return result;
  }

  private Measurement.Result await() {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (ExecutionException e) {
          return failed(e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private Measurement.Result failed(Throwable cause) {
    if (!warned) {
      warned = true;
      LOG.log(
          System.Logger.Level.WARNING,
          "step {0}: a snapshot beside the training failed; training goes on: {1}",
          host.step(),
          cause);
    }
    return Measurement.Result.failed(
        host, Measurement.failure(host.step(), Event.Kind.NOT_MEASURED, cause));
  }

  void restarted() {
    measurement.restarted();
  }

  /** To be called when no snapshot is being made. */
  void close() {
    if (!closed) {
      closed = true;
      twin.close();
    }
  }
}
