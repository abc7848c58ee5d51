package dynaxx.app.corpus;

import java.util.Locale;

/** What is put into a run at a known step. */
public enum Fault {
  NONE,
  /** The learning rate grows 300-fold from step 60 to the end: no fault of the moment. */
  RAMP,
  /** The learning rate is 40 times as high for 4 steps. */
  RATE,
  /**
   * The inputs are 8 times as large for 3 batches; token numbers 8 times, modulo the vocabulary.
   */
  BATCH,
  /** From a step on each example has the targets of another. */
  LABELS,
  /** One gradient overflows: its norm is NaN, and the update is skipped. */
  LOSS_SCALE,
  /** Batch normalisation keeps the statistics of the step for ever. */
  FROZEN_STATISTICS,
  /** From a step on examples come in the order of their classes. */
  SORTED;

  static final int RAMP_FROM = 60;
  static final double RAMP_FACTOR = 300;
  static final int RATE_LENGTH = 4;
  static final double RATE_FACTOR = 40;
  static final int BATCH_LENGTH = 3;
  static final int BATCH_FACTOR = 8;

  /** Whether what happens is the fault's doing, and could not be foreseen. */
  public boolean injected() {
    return this != NONE && this != RAMP;
  }

  /** As it is written in files. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
