package dynaxx.dashboard;

import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import dynaxx.spectrum.Signal;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Keeps the latest value of every signal in a Micrometer registry, as a gauge {@code dynaxx.} and
 * the signal's name, with its uncertainty where it has one; the step, the monitor's share of the
 * time, and how many events of each kind there were. A signal that was not measured has no gauge.
 */
public final class MeterSink implements MonitorSink {

  private static final String PREFIX = "dynaxx.";
  private static final String UNCERTAINTY = "Uncertainty of the value of this name.";

  private final MeterRegistry registry;
  private final Tags tags;
  private final Map<String, AtomicLong> latest = new HashMap<>();
  private final Map<Event.Kind, Counter> events = new EnumMap<>(Event.Kind.class);

  /**
   * A sink without tags, for one run in a process.
   *
   * @param registry of the host
   */
  public MeterSink(MeterRegistry registry) {
    this(registry, Tags.empty());
  }

  /**
   * A sink whose meters carry tags, for several runs in a process.
   *
   * @param registry of the host
   * @param tags of every meter, for example the name of the run
   */
  public MeterSink(MeterRegistry registry, Tags tags) {
    this.registry = registry;
    this.tags = tags;
  }

  @Override
  public void accept(MonitorRecord record) {
    if (record instanceof MonitorRecord.Step step) {
      step.observation().readings().forEach(this::reading);
      set("step", step.step(), "Updates made so far.", "");
      set(
          "monitor.share",
          step.share(),
          "Part of the wall time that measuring has taken so far.",
          "ratio");
    }
    record.events().forEach(event -> count(event.kind()));
  }

  private void reading(Signal signal, Signal.Reading reading) {
    set(name(signal), reading.value(), signal.documentation(), "");
    reading.error().ifPresent(error -> set(name(signal) + ".error", error, UNCERTAINTY, ""));
  }

  private static String name(Signal signal) {
    return signal.column().replace('_', '.');
  }

  private void set(String name, double value, String help, String unit) {
    latest
        .computeIfAbsent(name, id -> gauge(id, help, unit))
        .set(Double.doubleToRawLongBits(value));
  }

  private AtomicLong gauge(String name, String help, String unit) {
    AtomicLong bits = new AtomicLong();
    Gauge.builder(PREFIX + name, bits, held -> Double.longBitsToDouble(held.get()))
        .description(Panels.plain(help))
        .baseUnit(unit.isEmpty() ? null : unit)
        .tags(tags)
        .strongReference(true)
        .register(registry);
    return bits;
  }

  private void count(Event.Kind kind) {
    events
        .computeIfAbsent(
            kind,
            each ->
                Counter.builder(PREFIX + "events")
                    .description("Events that the rules reported.")
                    .tags(tags.and("kind", each.name()))
                    .register(registry))
        .increment();
  }
}
