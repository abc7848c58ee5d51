package dynaxx.app;

import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command line. */
@Command(
    name = "dynaxx",
    description = "Measures the curvature of a neural network's loss while it trains.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      DemoCommand.class,
      ProbeCommand.class,
      ConformanceCommand.class,
      ReplayCommand.class,
      ServeCommand.class,
      ReportCommand.class,
      ProfileCommand.class,
      CorpusCommand.class,
      PlanCommand.class,
      DoctorCommand.class
    },
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {

  /**
   * Commands print their device themselves; held here because the log manager keeps weak references
   * only.
   */
  private static final Logger BACKEND_LOG = Logger.getLogger("dynaxx.backend");

  private static final List<Logger> SERVER_LOGS =
      List.of(Logger.getLogger("io.javalin"), Logger.getLogger("org.eclipse.jetty"));

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  @Option(
      names = Failures.DEBUG,
      scope = ScopeType.INHERIT,
      description = "Print the stack trace of an error.")
  private boolean debug;

  /**
   * Runs a command and ends the JVM with its exit code.
   *
   * @param args command, options and files
   */
  public static void main(String[] args) {
    VectorModule.load();
    // Pictures are drawn without a screen, also where DISPLAY names one that is not there.
    System.setProperty("java.awt.headless", "true");
    BACKEND_LOG.setLevel(Level.WARNING);
    SERVER_LOGS.forEach(log -> log.setLevel(Level.SEVERE));
    System.exit(run(args));
  }

  /** Not even an error, of which there may be any, ends in a trace that nobody asked for. */
  private static int run(String[] args) {
    CommandLine commandLine = commandLine();
    try {
      int status = commandLine.execute(args);
      return Failures.output(status, commandLine);
    } catch (Throwable e) {
      return Failures.execution(e, commandLine.getErr(), List.of(args).contains(Failures.DEBUG));
    }
  }

  static CommandLine commandLine() {
    Main main = new Main();
    CommandLine commandLine = new CommandLine(main);
    commandLine
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(Failures::arguments)
        .setExecutionExceptionHandler(
            (e, command, parsed) -> Failures.execution(e, command.getErr(), main.debug));
    return Converters.addTo(commandLine);
  }

  static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  /** Version of the jar. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"dynaxx " + version()};
    }
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
