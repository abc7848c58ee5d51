package dynaxx.app;

import dynaxx.app.io.UserException;
import dynaxx.dashboard.Dashboard;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows finished and growing runs on a page. */
@Command(
    name = "serve",
    description = "Shows runs, finished or growing, side by side on a page on this machine.",
    mixinStandardHelpOptions = true,
    showDefaultValues = false)
final class ServeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "1..*",
      paramLabel = "RUN_DIR",
      description =
          "Folders of runs, or a folder whose folders are runs, such as runs. Runs that begin in"
              + " such a folder later are shown too.")
  private List<Path> runs;

  @Option(
      names = "--port",
      paramLabel = "P",
      defaultValue = LivePage.PORT,
      description =
          "Port on this machine, or the next one up that is free. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(names = "--open", description = "Open the page in the browser.")
  private boolean open;

  @Override
  public Integer call() throws IOException {
    Bounds.check(spec, "--port", port, 0, LivePage.MOST_PORT);
    PrintWriter out = spec.commandLine().getOut();
    try (Dashboard dashboard = LivePage.open(port)) {
      for (Path run : runs) {
        try {
          dashboard.add(run);
        } catch (FileSystemException e) {
          throw e;
        } catch (IOException e) {
          throw new UserException(e.getMessage(), e);
        }
      }
      out.println("Showing the runs at " + dashboard.address() + " until Ctrl+C");
      out.flush();
      if (open) {
        LivePage.show(dashboard.address(), spec.commandLine().getErr());
      }
      LivePage.untilInterrupted();
    }
    return 0;
  }
}
