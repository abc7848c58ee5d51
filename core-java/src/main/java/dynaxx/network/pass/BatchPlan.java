package dynaxx.network.pass;

import dynaxx.network.Loss;
import dynaxx.network.Network;

/**
 * How a batch is cut to stay within a memory limit.
 *
 * @param memory bytes that activations and tangents may take
 * @param part examples of a part
 * @param directions of a sweep
 * @param resident whether every part keeps its recording
 */
public record BatchPlan(long memory, int part, int directions, boolean resident) {

  /**
   * Tangents of a sweep that are worth their memory: with larger ones a product takes as long, but
   * the first one of a process twice as long, since the system clears each page before its first
   * use.
   */
  private static final long SWEEP = 1L << 29;

  /** Smaller tangents of a part, in one direction, make its matrix products slow. */
  private static final long PART = 1L << 24;

  /** Fewer examples make the matrix products of a part slow. */
  private static final int FEW = 16;

  /**
   * What was asked for.
   *
   * @param memory bytes that activations and tangents may take
   * @param microBatch the most examples of a part, or 0 for as many as pay
   * @param directions the most directions of a sweep
   * @param whole whether parts as large as fit pay: where memory is there at once, and each part
   *     costs the submission of all its work
   */
  public record Limits(long memory, int microBatch, int directions, boolean whole) {

    /**
     * Of a device with the host's memory.
     *
     * @param memory bytes that activations and tangents may take
     * @param microBatch the most examples of a part, or 0 for as many as pay
     * @param directions the most directions of a sweep
     */
    public Limits(long memory, int microBatch, int directions) {
      this(memory, microBatch, directions, false);
    }
  }

  /**
   * Plans for the most directions, then for recordings that are kept. Parts are no larger than
   * pays, and of about one size.
   *
   * @param network the network
   * @param loss its loss
   * @param examples of the batch
   * @param limits what was asked for
   * @param tangents bytes of all sweeps for one example and one direction
   * @return the plan
   * @throws IllegalArgumentException if the memory is too small for one example, or for all of them
   *     where they are coupled
   */
  public static BatchPlan of(
      Network network, Loss loss, int examples, Limits limits, long tangents) {
    long memory = limits.memory();
    long tape = Tape.bytesPerExample(network, loss);
    if (network.couplesExamples() || loss.couplesExamples()) {
      String what = network.couplesExamples() ? "network" : loss.name() + " loss";
      return wholeBatch(what, examples, limits, tape, tangents);
    }
    int most = limits.microBatch() == 0 ? examples : Math.min(limits.microBatch(), examples);
    int directions = limits.directions();
    while (!limits.whole()
        && directions > 1
        && directions * least(limits, tangents) * tangents > SWEEP) {
      directions /= 2;
    }
    for (int k = directions; k >= 1; k /= 2) {
      long beside = memory - examples * tape;
      long resident = Math.min(most, beside / (k * tangents));
      if (resident >= Math.min(most, least(limits, tangents))) {
        return of(limits, examples, resident, k, tangents, true);
      }
    }
    for (int k = directions; k >= 1; k /= 2) {
      long recomputed = Math.min(most, memory / (tape + k * tangents));
      if (recomputed >= (k == 1 ? 1 : Math.min(most, least(limits, tangents)))) {
        return of(limits, examples, recomputed, k, tangents, false);
      }
    }
    throw new IllegalArgumentException(
        "memory limit: found "
            + memory
            + " bytes, expected at least "
            + (tape + tangents)
            + " for one example");
  }

  private static long sweep(Limits limits) {
    return limits.whole() ? limits.memory() : SWEEP;
  }

  private static long least(Limits limits, long tangents) {
    return limits.whole() ? FEW : Math.clamp(PART / tangents, 1, FEW);
  }

  private static BatchPlan of(
      Limits limits, int examples, long fitting, int k, long tangents, boolean resident) {
    long paying = Math.max(least(limits, tangents), sweep(limits) / (k * tangents));
    long parts = Math.ceilDiv(examples, Math.min(fitting, paying));
    return new BatchPlan(limits.memory(), (int) Math.ceilDiv(examples, parts), k, resident);
  }

  /** A batch whose examples are coupled is recorded and swept as a whole. */
  private static BatchPlan wholeBatch(
      String what, int examples, Limits limits, long tape, long tangents) {
    long memory = limits.memory();
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
