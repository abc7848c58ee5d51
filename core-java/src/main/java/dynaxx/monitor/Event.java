package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * Something that happened, and why the rules say so.
 *
 * @param step at which it was noticed
 * @param kind of event
 * @param signal that shows it best
 * @param confidence from 0 to 1; what it means is said by the rule set
 * @param evidence the numbers behind it
 * @param explanation one sentence
 */
public record Event(
    long step, Kind kind, Signal signal, double confidence, Evidence evidence, String explanation) {

  /** What an event says has happened. */
  public enum Kind {
    /**
     * Signs that a transition may be near; reported by the rules of the article "dynaxx dissection:
     * probing phase transitions in neural network loss landscapes".
     */
    PRECURSOR,
    /**
     * The landscape changed: smoothed lambda_min changed sign, or several signals moved at once.
     */
    TRANSITION,
    /** One signal moved to another level, and no independent one with it. */
    LEVEL_SHIFT,
    /** lambda_min changed its sign beyond its uncertainty, and nothing else moved. */
    SIGN_CHANGE,
    /** lambda_min crosses zero again and again: the learning rate is too high, or it is noise. */
    INSTABILITY,
    /** A signal repeats itself: not a transition. */
    CYCLIC,
    /**
     * The loss is at least twice its recent median, beyond its scatter: reported at that step. Of
     * other signals: one value far off, and the next back again.
     */
    SPIKE,
    /** The sharpness has reached the limit that the optimizer is stable at, and stays there. */
    EDGE_OF_STABILITY,
    /**
     * The sharpness was beyond the limit, the loss rose, and the sharpness fell below the limit.
     */
    CATAPULT,
    /** The loss is likely to double soon; the confidence is the probability of that. */
    INSTABILITY_AHEAD,
    /** After a transition: the validation metric is no worse than before it, beyond its noise. */
    VALIDATED,
    /** After a transition: the validation metric is worse than before it, beyond its noise. */
    HARMFUL,
    /** Training was started again: what follows is not compared with what was before. */
    RESTART,
    /** A value is NaN or infinite, and was not used. */
    NOT_FINITE,
    /**
     * A snapshot beside the training failed, or one after the first was refused as untrustworthy.
     */
    NOT_MEASURED
  }

  /**
   * The numbers behind an event, in the signal's units.
   *
   * @param value of the signal at the event
   * @param uncertainty standard deviation, standard error or residual of the value; empty if not
   *     known
   * @param baseline what the value was compared with: a recent level, or what the trend let expect;
   *     empty if nothing
   * @param threshold that it went beyond; for a chart the level beyond which values count as
   *     evidence, of which it takes several; empty if there is none
   * @param since step at which the change began as far as can be told, or at which the window of
   *     the comparison begins
   */
  public record Evidence(
      double value,
      OptionalDouble uncertainty,
      OptionalDouble baseline,
      OptionalDouble threshold,
      long since) {}

  /**
   * Checks the confidence.
   *
   * @throws IllegalArgumentException if the confidence is not from 0 to 1
   */
  public Event {
    if (!(confidence >= 0 && confidence <= 1)) {
      throw new IllegalArgumentException(
          "confidence: found " + confidence + ", expected from 0 to 1");
    }
  }

  /**
   * The event as JSON, in one line.
   *
   * @return an object with step, kind, signal, confidence, evidence and explanation; what is not
   *     known is null, as are NaN and infinities
   */
  public String toJson() {
    return JsonLines.of(this);
  }

  /**
   * How the signals of a run moved in one of its events, in units of the run's own noise, so that
   * runs of different size and step length can be compared.
   *
   * @param step of the event
   * @param kind of event
   * @param changes of the signals that were measured often enough before and after
   */
  public record Signature(long step, Kind kind, Map<Signal, Change> changes) {

    /**
     * What a signal did. Values are transformed before (most to logarithms); noise is the standard
     * deviation about a straight line through the snapshots before the change.
     *
     * @param level of the signal before, in its own units
     * @param shift from the end of that line to the median after the event, in noise
     * @param slope of the line, in noise for each snapshot
     * @param lead snapshots by which the signal left the line before the event was noticed; empty
     *     if it did not
     */
    public record Change(double level, double shift, double slope, OptionalInt lead) {}

    /** Copies the changes. */
    public Signature {
      Map<Signal, Change> copy = new EnumMap<>(Signal.class);
      copy.putAll(changes);
      changes = Collections.unmodifiableMap(copy);
    }

    /**
     * The signatures of a run's changes: transitions, shifts, changes of sign, the edge of
     * stability and catapults.
     *
     * @param observations of the run, in order
     * @param events that rules reported for them
     * @return one for each such event around which enough was measured
     */
    public static List<Signature> of(List<Observation> observations, List<Event> events) {
      return Signatures.of(observations, events);
    }

    /**
     * Likeness of two signatures: the cosine between their shifts (in asinh, so that a shift of 100
     * is not ten times one of 10), over the signals that both know, and, for a quarter where two
     * signals or more moved in both, how far these moved in the same order. Neither depends on how
     * long a step or an interval is.
     *
     * @param other of this or another run
     * @return from -1 to 1; 0 without a common signal
     */
    public double similarity(Signature other) {
      return Signatures.similarity(this, other);
    }
  }
}
