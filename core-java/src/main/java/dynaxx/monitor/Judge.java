package dynaxx.monitor;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Says what happened and what to do: the rules, the watch over validation, the checkpoints and the
 * policy of one run.
 */
final class Judge {

  private final Rules rules;
  private final Policy policy;
  private final ValidationWatch validation = new ValidationWatch();
  private final CheckpointLedger checkpoints = new CheckpointLedger();

  /** What follows from a step. */
  record Judgement(List<Event> events, List<Advice> advice) {}

  Judge(Rules rules, Policy policy) {
    this.rules = rules;
    this.policy = policy;
  }

  /** Judges a step, with events that came of measuring it. */
  Judgement judge(
      Observation observation, OptionalDouble momentum, boolean measured, List<Event> before) {
    List<Event> events = new ArrayList<>(before);
    events.addAll(rules.observe(observation));
    for (Event event : events) {
      if (event.kind() == Event.Kind.TRANSITION) {
        checkpoints.transition(event.evidence().since());
      }
    }
    validation.add(observation, events).ifPresent(events::add);
    List<Advice> advice =
        policy.decide(
            new Policy.Situation(
                observation,
                momentum,
                measured,
                events,
                checkpoints.newest(observation.step()),
                checkpoints.beforeTransition()));
    return new Judgement(List.copyOf(events), List.copyOf(advice));
  }

  /** Takes what the host told, and gives the events that follow from it. */
  List<Event> notice(long step, MonitorRecord.Notice.Kind kind) {
    switch (kind) {
      case RESTART -> {
        policy.restarted(step);
        validation.restarted();
        checkpoints.restarted(step);
        return rules.restarted(step);
      }
      case LEARNING_RATE -> rules.learningRateChanged(step);
      case EPOCH_END -> rules.epochEnded(step);
      case CHECKPOINT -> checkpoints.add(step);
      case FINISH -> {
        return rules.finish();
      }
    }
    return List.of();
  }
}
