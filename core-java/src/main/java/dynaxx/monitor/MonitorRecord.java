package dynaxx.monitor;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a monitor writes down. A monitor that is given the records of a run again ({@link
 * PhaseMonitor#recall}) knows what it knew.
 */
public sealed interface MonitorRecord {

  /**
   * When.
   *
   * @return number of updates made
   */
  long step();

  /**
   * What was noticed.
   *
   * @return events, mostly none
   */
  List<Event> events();

  /**
   * Reads what a sink of {@link MonitorSink#jsonLines} wrote. A last line that a crash left
   * unfinished is left out.
   *
   * @param file of JSON Lines
   * @return the records in order
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if a line is no record; names the line, what was found there
   *     and what was expected
   */
  static List<MonitorRecord> read(Path file) throws IOException {
    return JsonLinesReader.read(file);
  }

  /**
   * Reads one line of such a file, as a reader does that follows a file while it grows.
   *
   * @param line without its end
   * @return the record
   * @throws IllegalArgumentException if it is no record; says what was found and what was expected
   */
  static MonitorRecord parse(String line) {
    return JsonLinesReader.record(line);
  }

  /**
   * A step.
   *
   * @param observation what host and snapshot measured
   * @param momentum of the optimizer, if reported
   * @param effort of the snapshot; empty if there was none
   * @param events noticed at this step
   * @param advice given, mostly none
   * @param share of the wall time that the monitor has taken so far
   */
  record Step(
      Observation observation,
      OptionalDouble momentum,
      Optional<PhaseMonitor.Effort> effort,
      List<Event> events,
      List<Advice> advice,
      double share)
      implements MonitorRecord {

    /**
     * A step of which only the observation is known.
     *
     * @param observation what host and snapshot measured
     */
    public Step(Observation observation) {
      this(observation, OptionalDouble.empty(), Optional.empty(), List.of(), List.of(), 0);
    }

    /** Copies events and advice. */
    public Step {
      events = List.copyOf(events);
      advice = List.copyOf(advice);
    }

    @Override
    public long step() {
      return observation.step();
    }
  }

  /**
   * A validation that was made on advice; it counts as one of the next step.
   *
   * @param found the validation loss, the accuracy or both, at the step at which it was made
   */
  record Validation(Observation found) implements MonitorRecord {
    @Override
    public long step() {
      return found.step();
    }

    @Override
    public List<Event> events() {
      return List.of();
    }
  }

  /**
   * What else the host reported.
   *
   * @param step of the notice
   * @param kind of notice
   * @param events that follow from it
   */
  record Notice(long step, Kind kind, List<Event> events) implements MonitorRecord {

    /** Kinds of notice. */
    public enum Kind {
      /** Training was restarted. */
      RESTART,
      /** The learning rate was changed on purpose. */
      LEARNING_RATE,
      /** A pass over the data has ended. */
      EPOCH_END,
      /** A checkpoint was kept. */
      CHECKPOINT,
      /** The run is over. */
      FINISH
    }

    /** Copies the events. */
    public Notice {
      events = List.copyOf(events);
    }
  }
}
