package dynaxx.app;

import dynaxx.app.io.UserException;
import dynaxx.dashboard.Dashboard;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.util.Locale;

/** What the commands with a page share. */
final class LivePage {

  static final String PORT = "7070";
  static final int MOST_PORT = 65_535;

  private LivePage() {}

  static Dashboard open(int port) {
    try {
      return Dashboard.open(port);
    } catch (IOException e) {
      throw new UserException("--port: " + e.getMessage(), e);
    }
  }

  /** Opens the browser of this machine. */
  static void show(URI address, PrintWriter err) {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String command =
        system.contains("mac") ? "open" : system.contains("windows") ? "explorer" : "xdg-open";
    try {
      new ProcessBuilder(command, address.toString())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      err.println("dynaxx: --open: found no " + command + " here; the page is at " + address);
      err.flush();
    }
  }

  /** The interruption is what was waited for, so it ends here and does not disturb the closing. */
  static void untilInterrupted() {
    try {
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException e) {
      Thread.interrupted();
    }
  }
}
