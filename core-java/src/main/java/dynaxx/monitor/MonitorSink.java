package dynaxx.monitor;

/** Takes down what a monitor records. Called on the thread of the host. */
public interface MonitorSink extends AutoCloseable {

  /**
   * Takes a record.
   *
   * @param record a step or a notice, in the order in which they happened
   */
  void accept(MonitorRecord record);

  /** Writes out what is left; closing twice is harmless. */
  @Override
  default void close() {}
}
