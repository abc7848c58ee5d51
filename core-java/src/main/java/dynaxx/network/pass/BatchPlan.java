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
 * @param compact whether recordings keep no more than they must, and compute elementwise functions
 *     and norms again where they are read
 */
public record BatchPlan(long memory, int part, int directions, boolean resident, boolean compact) {

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
   * @param compact whether recordings may be compact
   */
  public record Limits(
      long memory, int microBatch, int directions, boolean whole, boolean compact) {

    /**
     * Of a device with the host's memory.
     *
     * @param memory bytes that activations and tangents may take
     * @param microBatch the most examples of a part, or 0 for as many as pay
     * @param directions the most directions of a sweep
     */
    public Limits(long memory, int microBatch, int directions) {
      this(memory, microBatch, directions, false, true);
    }
  }

  /** What an example takes. */
  private record Bytes(long tape, long tangents) {}

  /**
   * Plans for the most directions, then for recordings that are kept, then for those that keep
   * everything. Parts are no larger than pays, and of about one size.
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
    Bytes all = new Bytes(Tape.bytesPerExample(network, loss), tangents);
    Bytes least = new Bytes(Tape.bytesPerExample(network, loss, limits.compact()), tangents);
    boolean coupled = network.couplesExamples() || loss.couplesExamples();
    if (coupled) {
      String what = network.couplesExamples() ? "network" : loss.name() + " loss";
      requireWhole(what, examples, limits);
    }
    BatchPlan usual =
        coupled ? whole(examples, limits, all, false) : cut(examples, limits, all, false);
    BatchPlan compact =
        coupled ? whole(examples, limits, least, true) : cut(examples, limits, least, true);
    if (compact == null) {
      long smallest = least.tape + least.tangents;
      throw new IllegalArgumentException(
          "memory limit: found "
              + limits.memory()
              + " bytes, expected at least "
              + (coupled
                  ? examples * smallest
                      + " for all "
                      + examples
                      + " examples at once, since the network couples its examples"
                  : smallest + " for one example"));
    }
    boolean pays = limits.compact() && (usual == null || compact.pays(usual, limits));
    return pays ? compact : usual;
  }

  /** Whether what is computed again is less than what it saves. */
  private boolean pays(BatchPlan usual, Limits limits) {
    return directions > usual.directions
        || resident && !usual.resident
        || limits.whole() && !usual.resident && part > usual.part;
  }

  /** Null if not even one example fits. */
  private static BatchPlan cut(int examples, Limits limits, Bytes bytes, boolean compact) {
    long memory = limits.memory();
    long tangents = bytes.tangents;
    int most = limits.microBatch() == 0 ? examples : Math.min(limits.microBatch(), examples);
    int directions = limits.directions();
    while (!limits.whole()
        && directions > 1
        && directions * least(limits, tangents) * tangents > SWEEP) {
      directions /= 2;
    }
    for (int k = directions; k >= 1; k /= 2) {
      long beside = memory - examples * bytes.tape;
      long fitting = Math.min(most, beside / (k * tangents));
      if (fitting >= Math.min(most, least(limits, tangents))) {
        int part = part(limits, examples, fitting, k * tangents, tangents);
        return new BatchPlan(memory, part, k, true, compact);
      }
    }
    for (int k = directions; k >= 1; k /= 2) {
      long fitting = Math.min(most, memory / (bytes.tape + k * tangents));
      if (fitting >= (k == 1 ? 1 : Math.min(most, least(limits, tangents)))) {
        int part = part(limits, examples, fitting, k * tangents, tangents);
        return new BatchPlan(memory, part, k, false, compact);
      }
    }
    return null;
  }

  private static long sweep(Limits limits) {
    return limits.whole() ? limits.memory() : SWEEP;
  }

  private static long least(Limits limits, long tangents) {
    return limits.whole() ? FEW : Math.clamp(PART / tangents, 1, FEW);
  }

  private static int part(Limits limits, int examples, long fitting, long sweep, long tangents) {
    long paying = Math.max(least(limits, tangents), sweep(limits) / sweep);
    long parts = Math.ceilDiv(examples, Math.min(fitting, paying));
    return (int) Math.ceilDiv(examples, parts);
  }

  private static void requireWhole(String what, int examples, Limits limits) {
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
  }

  /**
   * A batch whose examples are coupled is recorded and swept as a whole; null if it does not fit.
   */
  private static BatchPlan whole(int examples, Limits limits, Bytes bytes, boolean compact) {
    for (int k = limits.directions(); k >= 1; k /= 2) {
      if (examples * (bytes.tape + k * bytes.tangents) <= limits.memory()) {
        return new BatchPlan(limits.memory(), examples, k, true, compact);
      }
    }
    return null;
  }

  @Override
  public String toString() {
    return "micro-batches of "
        + part
        + " examples"
        + (compact ? ", without what is cheap to compute again" : "")
        + (resident ? "" : ", recorded again for every product")
        + ", at most "
        + directions
        + " directions at once";
  }
}
