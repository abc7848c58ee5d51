package dynaxx.app;

import dynaxx.dashboard.Dashboard;
import dynaxx.monitor.MonitorSink;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The live page of a run, or none: a page that cannot be served costs the run nothing. */
final class DemoPage implements AutoCloseable {

  private final Optional<Dashboard> dashboard;
  private final PrintWriter err;

  private DemoPage(Optional<Dashboard> dashboard, PrintWriter err) {
    this.dashboard = dashboard;
    this.err = err;
  }

  /** A page on a port; none if it is negative. */
  static DemoPage open(int port, PrintWriter err) {
    if (port < 0) {
      return new DemoPage(Optional.empty(), err);
    }
    try {
      return new DemoPage(Optional.of(Dashboard.open(port)), err);
    } catch (IOException e) {
      err.println("dynaxx: no live page: " + e.getMessage());
      err.flush();
      return new DemoPage(Optional.empty(), err);
    }
  }

  void announce(DemoReport report, boolean open) {
    dashboard.ifPresent(
        page -> {
          report.page("Live page: " + page.address());
          if (open) {
            LivePage.show(page.address(), err);
          }
        });
  }

  /** What the monitor is given for the page. */
  List<MonitorSink> sink(String name, Map<String, Object> facts) {
    return dashboard.map(page -> page.sink(name, facts)).stream().toList();
  }

  void stay(DemoReport report) {
    dashboard.ifPresent(
        page -> {
          report.page("The page stays at " + page.address() + " until Ctrl+C");
          LivePage.untilInterrupted();
        });
  }

  @Override
  public void close() {
    dashboard.ifPresent(Dashboard::close);
  }
}
