package dynaxx.dashboard;

import dynaxx.monitor.Advice;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is known of one run, by column, in memory. Written by one thread, read by others. When
 * training goes back to a checkpoint, the curves go back with it; events and advice stay.
 */
final class RunData {

  /** Name of the monitor's share of the time, which is no signal. */
  static final String SHARE = "monitor_share";

  /** Ending of the column that a sharpness is compared with. */
  static final String LIMIT = "_limit";

  /** Status of a run that is still being written. */
  static final String RUNNING = "running";

  /** Values of layers, heads or eigenvalues at a step. */
  record Parts(long step, float[] values) {}

  /** What a verdict says of a step. */
  record Found(long step, String verdict) {}

  /** Advice, with the step that it was given at. */
  record Given(long step, Advice advice) {}

  private final String name;
  private final Map<String, Column> columns = new LinkedHashMap<>();
  private final Map<String, List<Parts>> parts = new LinkedHashMap<>();
  private List<Found> verdicts = new ArrayList<>();
  private final List<Event> events = new ArrayList<>();
  private final List<Given> advice = new ArrayList<>();
  private Map<String, Object> facts = Map.of();
  private String status = "";
  private boolean finished;
  private String trouble = "";
  private List<String> problems = List.of();
  private long step = -1;
  private long version;
  private int generation;

  RunData(String name) {
    this.name = name;
  }

  /** Everything at one moment. */
  record State(
      String name,
      String status,
      Map<String, Object> facts,
      long step,
      long version,
      int generation,
      Map<String, Column.View> columns,
      Map<String, List<Parts>> parts,
      List<Found> verdicts,
      List<Event> events,
      List<Given> advice,
      List<String> problems) {}

  synchronized State state() {
    Map<String, Column.View> views = new LinkedHashMap<>();
    columns.forEach((id, column) -> views.put(id, column.view()));
    Map<String, List<Parts>> lists = new LinkedHashMap<>();
    parts.forEach((id, list) -> lists.put(id, List.copyOf(list)));
    return new State(
        name,
        shown(),
        facts,
        step,
        version,
        generation,
        views,
        lists,
        List.copyOf(verdicts),
        List.copyOf(events),
        List.copyOf(advice),
        problems);
  }

  /** The few numbers that tell whether a page has to be brought up to date. */
  record Head(String name, String status, long step, long version, int generation, int events) {}

  synchronized Head head() {
    return new Head(name, shown(), step, version, generation, events.size());
  }

  synchronized Map<String, Object> facts() {
    return facts;
  }

  synchronized void facts(Map<String, ?> known) {
    if (!facts.equals(known)) {
      facts = Collections.unmodifiableMap(new LinkedHashMap<>(known));
      version++;
    }
  }

  /** What is wrong with its files, as far as they can be read, each in a line. */
  synchronized List<String> problems() {
    return problems;
  }

  synchronized void problems(List<String> now) {
    if (!problems.equals(now)) {
      problems = now;
      version++;
    }
  }

  /** Why its files could not be read the last time, or nothing; what they said stays. */
  synchronized void trouble(String now) {
    if (!trouble.equals(now)) {
      trouble = now;
      version++;
    }
  }

  private String shown() {
    if (!trouble.isEmpty()) {
      return trouble;
    }
    boolean open = status.isEmpty() || status.equals(RUNNING);
    return !open ? status : finished ? "completed" : RUNNING;
  }

  /** What its file says of it; empty if nothing does. */
  synchronized void status(String now) {
    if (!status.equals(now)) {
      status = now;
      version++;
    }
  }

  /** Nothing more will come; only a run that said so is complete. */
  synchronized void ended() {
    if (shown().equals(RUNNING)) {
      status("ended early");
    }
  }

  /** Forgets everything, because a file was rewritten. */
  synchronized void clear() {
    columns.clear();
    parts.clear();
    verdicts = new ArrayList<>();
    events.clear();
    advice.clear();
    finished = false;
    step = -1;
    generation++;
    version++;
  }

  synchronized void accept(MonitorRecord record) {
    version++;
    events.addAll(record.events());
    switch (record) {
      case MonitorRecord.Step found -> step(found);
      // It comes again with the next step.
      case MonitorRecord.Validation validation -> {}
      case MonitorRecord.Notice notice -> {
        if (notice.kind() == MonitorRecord.Notice.Kind.RESTART) {
          back(notice.step());
        } else if (notice.kind() == MonitorRecord.Notice.Kind.FINISH) {
          finished = true;
        }
      }
    }
  }

  private void step(MonitorRecord.Step found) {
    back(found.step());
    step = found.step();
    Observation seen = found.observation();
    seen.readings().forEach((signal, reading) -> reading(signal, reading));
    limit(seen);
    if (found.share() > 0) {
      column(SHARE).add(step, found.share(), Double.NaN);
    }
    seen.verdict().ifPresent(verdict -> verdicts.add(new Found(step, verdict.toString())));
    found.advice().forEach(part -> advice.add(new Given(step, part)));
  }

  private void reading(Signal signal, Reading reading) {
    column(signal.column()).add(step, reading.value(), reading.errorOr(Double.NaN));
    if (!reading.parts().isEmpty()) {
      float[] values = new float[reading.parts().size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = reading.parts().get(i).floatValue();
      }
      parts.computeIfAbsent(signal.column(), id -> new ArrayList<>()).add(new Parts(step, values));
    }
  }

  /** What the sharpness is compared with: 2 / eta for plain descent, 38 / eta for Adam. */
  private void limit(Observation seen) {
    Signal sharpness =
        seen.readings().containsKey(Signal.PRECONDITIONED_LAMBDA_MAX)
            ? Signal.PRECONDITIONED_LAMBDA_MAX
            : Signal.LAMBDA_MAX;
    Optional<Reading> value = seen.reading(sharpness);
    Optional<Reading> ratio = seen.reading(Signal.SHARPNESS_RATIO);
    if (value.isPresent() && ratio.isPresent() && ratio.get().value() > 0) {
      column(sharpness.column() + LIMIT)
          .add(step, value.get().value() / ratio.get().value(), Double.NaN);
    }
  }

  private Column column(String id) {
    return columns.computeIfAbsent(id, name -> new Column());
  }

  /** What a checkpoint that training goes back to did not know yet is taken from the curves. */
  private void back(long to) {
    if (to > step) {
      return;
    }
    generation++;
    columns.replaceAll((id, column) -> column.before(to));
    parts.replaceAll(
        (id, list) -> new ArrayList<>(list.stream().filter(p -> p.step() < to).toList()));
    verdicts = new ArrayList<>(verdicts.stream().filter(found -> found.step() < to).toList());
    step = to - 1;
  }
}
