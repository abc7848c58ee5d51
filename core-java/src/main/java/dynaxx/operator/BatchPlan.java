package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;

/**
 * How a batch is cut to stay within a memory limit.
 *
 * @param memory bytes that activations and tangents may take
 * @param part examples of a part
 * @param directions of a sweep
 * @param resident whether every part keeps its recording
 */
record BatchPlan(long memory, int part, int directions, boolean resident) {

  static BatchPlan of(
      Network network, Loss loss, int examples, Limits limits, Device device, long tangents) {
    long memory = limits.memoryBytes() == 0 ? device.defaultMemoryLimit() : limits.memoryBytes();
    long tape = Tape.bytesPerExample(network, loss);
    if (network.couplesExamples() || loss.couplesExamples()) {
      String what = network.couplesExamples() ? "network" : loss.name() + " loss";
      return wholeBatch(what, examples, limits, memory, tape, tangents);
    }
    int most = limits.microBatch() == 0 ? examples : Math.min(limits.microBatch(), examples);
    for (int k = limits.directions(); k >= 1; k /= 2) {
      long beside = memory - examples * tape;
      long resident = Math.min(most, beside / (k * tangents));
      if (resident >= Math.min(most, 16)) {
        return new BatchPlan(memory, (int) resident, k, true);
      }
    }
    for (int k = limits.directions(); k >= 1; k /= 2) {
      long recomputed = Math.min(most, memory / (tape + k * tangents));
      if (recomputed >= (k == 1 ? 1 : Math.min(most, 16))) {
        return new BatchPlan(memory, (int) recomputed, k, false);
      }
    }
    throw new IllegalArgumentException(
        "memory limit: found "
            + memory
            + " bytes, expected at least "
            + (tape + tangents)
            + " for one example");
  }

  /** A batch whose examples are coupled is recorded and swept as a whole. */
  private static BatchPlan wholeBatch(
      String what, int examples, Limits limits, long memory, long tape, long tangents) {
    if (limits.microBatch() != 0 && limits.microBatch() < examples) {
      throw new IllegalArgumentException(
          "micro-batch: found "
              + limits.microBatch()
              + " of "
              + examples
              + " examples, expected all of them at once, since the "
              + what
              + " couples its examples");
    }
    for (int k = limits.directions(); k >= 1; k /= 2) {
      if (examples * (tape + k * tangents) <= memory) {
        return new BatchPlan(memory, examples, k, true);
      }
    }
    throw new IllegalArgumentException(
        "memory limit: found "
            + memory
            + " bytes, expected at least "
            + examples * (tape + tangents)
            + " for all "
            + examples
            + " examples at once, since the network couples its examples");
  }

  @Override
  public String toString() {
    return "micro-batches of "
        + part
        + " examples"
        + (resident ? "" : ", recorded again for every product")
        + ", at most "
        + directions
        + " directions at once";
  }
}
