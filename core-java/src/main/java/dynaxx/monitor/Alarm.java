package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Set;

/**
 * A chart's evidence for a change; the chart itself may have moved on since.
 *
 * @param channel that shows it
 * @param tick of the value that shows it
 * @param raised tick at which it was shown first
 * @param rate chance of it for each snapshot
 * @param evidence for events
 * @param words for explanations
 * @param dependent channels whose noise goes with this one's
 * @param ofSign whether it is a change of sign beyond the uncertainty, and not of level
 */
record Alarm(
    Channel channel,
    int tick,
    int raised,
    double rate,
    Event.Evidence evidence,
    String words,
    Set<Channel> dependent,
    boolean ofSign) {

  Signal signal() {
    return channel.signal();
  }

  Alarm raisedAt(int first) {
    return new Alarm(channel, tick, first, rate, evidence, words, dependent, ofSign);
  }
}
