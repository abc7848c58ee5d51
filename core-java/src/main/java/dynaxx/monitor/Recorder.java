package dynaxx.monitor;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * Hands records to the sinks. A sink that throws does not end the training: the record waits and is
 * offered again, after more and more other records, and counts as lost when too many wait.
 */
final class Recorder {

  /** Records that wait for a sink at most. */
  static final int MOST_WAITING = 10_000;

  /** Records between two tries at most. */
  private static final int LONGEST_PAUSE = 1024;

  private final List<Outlet> outlets;
  private final System.Logger log;
  private long lost;

  Recorder(List<MonitorSink> sinks, System.Logger log) {
    this.log = log;
    outlets = sinks.stream().map(Outlet::new).toList();
  }

  void tell(MonitorRecord record) {
    outlets.forEach(outlet -> outlet.offer(record));
  }

  /** Records that a sink has not taken and will not be offered again. */
  long lost() {
    return lost;
  }

  void close() {
    outlets.forEach(Outlet::close);
  }

  /** A sink and what waits for it. */
  private final class Outlet {
    private final MonitorSink sink;
    private final Deque<MonitorRecord> waiting = new ArrayDeque<>();
    private int pause;
    private int untilNextTry;
    private boolean warned;
    private boolean closed;

    Outlet(MonitorSink sink) {
      this.sink = sink;
    }

    void offer(MonitorRecord record) {
      waiting.addLast(record);
      if (untilNextTry-- <= 0) {
        write();
      }
      if (waiting.size() > MOST_WAITING) {
        waiting.removeFirst();
        lost++;
      }
    }

    private void write() {
      try {
        while (!waiting.isEmpty()) {
          sink.accept(waiting.peekFirst());
          waiting.removeFirst();
        }
        pause = 0;
        untilNextTry = 0;
      } catch (Throwable t) {
        pause = Math.clamp(2L * pause, 1, LONGEST_PAUSE);
        untilNextTry = pause - 1;
        warn("a record could not be written and is kept to try again", t);
      }
    }

    private void warn(String what, Throwable t) {
      if (!warned) {
        warned = true;
        log.log(
            System.Logger.Level.WARNING,
            "sink {0}: {1}; training goes on: {2}",
            sink.getClass().getName(),
            what,
            t);
      }
    }

    void close() {
      if (closed) {
        return;
      }
      closed = true;
      write();
      lost += waiting.size();
      waiting.clear();
      try {
        sink.close();
      } catch (Throwable t) {
        lost++;
        warn("it could not be closed", t);
      }
    }
  }
}
