package dynaxx.monitor;

/**
 * Takes down what a monitor records. Called on the thread of the host. One that throws does not end
 * the training: the record is offered again later, before those after it ({@link
 * PhaseMonitor.Usage#lostRecords}).
 */
public interface MonitorSink extends AutoCloseable {

  /**
   * Takes a record, or throws and takes none of it.
   *
   * @param record a step or a notice, in the order in which they happened
   */
  void accept(MonitorRecord record);

  /** Writes out what is left; closing twice is harmless. */
  @Override
  default void close() {}
}
