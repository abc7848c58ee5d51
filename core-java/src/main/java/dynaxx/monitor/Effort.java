package dynaxx.monitor;

/** What a snapshot was made with. */
public enum Effort {
  /** The settings that the host gave. */
  FULL,
  /** Fewer Lanczos steps and probes, because the budget allows no more. */
  FEWER_STEPS,
  /** Quadratic forms of stored vectors, because the budget allows no more. */
  CHEAP
}
