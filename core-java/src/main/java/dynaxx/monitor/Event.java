package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.OptionalDouble;

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
    long step,
    EventKind kind,
    Signal signal,
    double confidence,
    Evidence evidence,
    String explanation) {

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
}
