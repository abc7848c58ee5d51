package dynaxx.monitor;

import dynaxx.operator.NonFiniteException;
import dynaxx.operator.UntrustworthyOperatorException;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Update;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/** Makes a snapshot as planned, and once more in full where a cheap one looks suspicious. */
final class Measurement {

  private static final System.Logger LOG = System.getLogger(PhaseMonitor.class.getName());

  private final SnapshotSource source;
  private final ProbeSettings full;
  private final LongSupplier nanoTime;
  private final Suspicion suspicion = new Suspicion();

  /** Whether something was measured: a host learns its own mistakes at the first snapshot. */
  private boolean trusted;

  /** Receives what each snapshot took. */
  @FunctionalInterface
  interface Bill {
    void made(PhaseMonitor.Effort effort, Snapshot snapshot, double seconds);
  }

  /** What came of it: all but the observation is empty if the model could not be measured. */
  record Result(
      Observation observation,
      Optional<PhaseMonitor.Effort> effort,
      Optional<Snapshot> snapshot,
      List<Event> events) {

    /** The same with more readings of the host's. */
    Result at(Observation all) {
      return new Result(all, effort, snapshot, events);
    }

    static Result none(Observation host) {
      return new Result(host, Optional.empty(), Optional.empty(), List.of());
    }

    static Result failed(Observation host, Event event) {
      return new Result(host, Optional.empty(), Optional.empty(), List.of(event));
    }
  }

  Measurement(SnapshotSource source, ProbeSettings full, LongSupplier nanoTime) {
    this.source = source;
    this.full = full;
    this.nanoTime = nanoTime;
  }

  /** Measures, and adds to what the host has observed. */
  Result measure(
      Observation host,
      Optional<Update> update,
      Pacer.Choice plan,
      BooleanSupplier affordsFull,
      Bill bill) {
    try {
      Result result = once(host, update, plan.effort(), plan.settings(), bill);
      if (plan.effort() == PhaseMonitor.Effort.CHEAP
          && suspicion.about(result.observation())
          && affordsFull.getAsBoolean()) {
        result = once(host, update, PhaseMonitor.Effort.FULL, full, bill);
      }
      suspicion.remember(result.observation());
      trusted = true;
      return result;
    } catch (UntrustworthyOperatorException e) {
      if (!trusted) {
        throw e;
      }
      LOG.log(System.Logger.Level.WARNING, "step {0}: {1}", host.step(), e.getMessage());
      return Result.failed(host, failure(host.step(), Event.Kind.NOT_MEASURED, e));
    } catch (NonFiniteException e) {
      // The host's training goes on or fails by itself; that it cannot be measured is an event.
      LOG.log(System.Logger.Level.WARNING, "step {0}: {1}", host.step(), e.getMessage());
      return Result.failed(host, failure(host.step(), Event.Kind.NOT_FINITE, e));
    }
  }

  private Result once(
      Observation host,
      Optional<Update> update,
      PhaseMonitor.Effort effort,
      ProbeSettings settings,
      Bill bill) {
    long begin = nanoTime.getAsLong();
    Snapshot snapshot = source.measure(settings, update);
    Observation observation = source.alsoMeasure(host.with(snapshot));
    bill.made(effort, snapshot, (nanoTime.getAsLong() - begin) / 1e9);
    return new Result(observation, Optional.of(effort), Optional.of(snapshot), List.of());
  }

  static Event failure(long step, Event.Kind kind, Throwable cause) {
    Event.Evidence evidence =
        new Event.Evidence(
            Double.NaN,
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            step);
    String reason = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    return new Event(
        step, kind, Signal.LAMBDA_MAX, 1, evidence, "nothing could be measured: " + reason);
  }

  void restarted() {
    suspicion.forget();
  }
}
