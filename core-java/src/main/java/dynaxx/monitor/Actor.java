package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/** Does what was advised through the host's control, and says what came of it. */
final class Actor {

  private final TrainingControl control;
  private final LongConsumer checkpointed;
  private final Consumer<Observation> validated;
  private final LongConsumer restarted;

  Actor(
      TrainingControl control,
      LongConsumer checkpointed,
      Consumer<Observation> validated,
      LongConsumer restarted) {
    this.control = control;
    this.checkpointed = checkpointed;
    this.validated = validated;
    this.restarted = restarted;
  }

  /** Acts at the step that the host has just reported. */
  void act(Observation now, List<Advice> advice) {
    advice.forEach(each -> act(now, each));
  }

  private void act(Observation now, Advice advice) {
    switch (advice) {
      case Advice.LearningRate a -> control.learningRate(a.value(), a.factor());
      case Advice.Momentum a -> control.momentum(a.value());
      case Advice.Checkpoint a -> {
        control.checkpoint(now.step());
        checkpointed.accept(now.step());
      }
      case Advice.Validate a -> {
        if (!validated(now)) {
          validated.accept(control.validate(now.step()));
        }
      }
      case Advice.Revert a -> restarted.accept(control.revert(a.step()));
    }
  }

  /** Whether the host has measured these parameters already; twice the same tells nothing. */
  private static boolean validated(Observation observation) {
    return observation.value(Signal.VALIDATION_LOSS).isPresent()
        || observation.value(Signal.VALIDATION_ACCURACY).isPresent();
  }
}
