package dynaxx.djl;

/** The statistics that batch normalisation uses while a block is measured. Dropout is left out. */
public enum BatchNormMode {

  /** Running statistics, as in evaluation. */
  RUNNING,

  /** Statistics of the measured batch, as in training. The running statistics stay as they are. */
  BATCH
}
