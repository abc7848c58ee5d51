package dynaxx.dashboard;

import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Optional;

/**
 * Shows a run on a page while it goes on, in one line: {@code
 * PhaseMonitor...sink(DashboardSink.on(7070))}. The page is there until the sink is closed, as the
 * monitor does when it is closed. If it cannot be served, that is said once and training goes on;
 * it is tried again now and then.
 */
public final class DashboardSink implements MonitorSink {

  private static final System.Logger LOG = System.getLogger(DashboardSink.class.getName());
  private static final int MOST_WAITING = 100_000;
  private static final long PAUSE_NANOS = 30_000_000_000L;

  private final int port;
  private final ArrayDeque<MonitorRecord> waiting = new ArrayDeque<>();
  private Dashboard dashboard;
  private MonitorSink shown;
  private long lost;
  private long tried;

  private DashboardSink(int port) {
    this.port = port;
    open(System.Logger.Level.WARNING);
  }

  /**
   * A page on loopback; its address is in the log.
   *
   * @param port from 1 to 65535, or the next one up that is free; 0 for any
   * @return a sink for one run
   * @throws IllegalArgumentException if the port is out of range
   */
  public static DashboardSink on(int port) {
    return new DashboardSink(port);
  }

  private void open(System.Logger.Level level) {
    tried = System.nanoTime();
    try {
      dashboard = Dashboard.open(port);
      shown = dashboard.sink("run", Map.of());
      waiting.forEach(shown::accept);
      waiting.clear();
      LOG.log(System.Logger.Level.INFO, "dashboard at {0}", dashboard.address());
    } catch (IOException e) {
      LOG.log(level, "no dashboard, training goes on: {0}", e.getMessage());
    }
  }

  /**
   * Where the page is.
   *
   * @return its address, or nothing if it cannot be served now
   */
  public synchronized Optional<URI> address() {
    return Optional.ofNullable(dashboard).map(Dashboard::address);
  }

  /**
   * Records that the page will not show, since it could not be served for too long.
   *
   * @return how many
   */
  public synchronized long lost() {
    return lost;
  }

  @Override
  public synchronized void accept(MonitorRecord record) {
    if (shown == null && System.nanoTime() - tried > PAUSE_NANOS) {
      open(System.Logger.Level.DEBUG);
    }
    if (shown != null) {
      shown.accept(record);
      return;
    }
    waiting.addLast(record);
    if (waiting.size() > MOST_WAITING) {
      waiting.removeFirst();
      lost++;
    }
  }

  @Override
  public synchronized void close() {
    if (dashboard != null) {
      shown.close();
      dashboard.close();
    }
  }
}
