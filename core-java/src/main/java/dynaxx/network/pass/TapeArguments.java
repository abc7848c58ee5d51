package dynaxx.network.pass;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;

/** What a tape is given to record. */
final class TapeArguments {

  private TapeArguments() {}

  /** Refuses sizes that do not fit, and a part of examples that are coupled. */
  static void check(
      Network network,
      Loss loss,
      int capacity,
      Buffer parameters,
      Batch batch,
      long totalExamples) {
    Shape.requireSize("parameters", parameters.size(), network.parameterCount());
    if (batch.examples() > capacity) {
      throw new IllegalArgumentException(
          "batch: found " + batch.examples() + " examples, expected at most " + capacity);
    }
    long examples = batch.examples();
    if ((network.couplesExamples() || loss.couplesExamples()) && examples != totalExamples) {
      throw new IllegalArgumentException(
          "batch: found "
              + examples
              + " of "
              + totalExamples
              + " examples, expected all of them at once, since the "
              + (network.couplesExamples() ? "network" : "loss")
              + " couples its examples");
    }
    Shape.requireSize("inputs", batch.inputs().size(), examples * network.inputShape().size());
    Shape.requireSize(
        "targets", batch.targets().size(), examples * loss.targetSize(network.outputShape()));
  }
}
