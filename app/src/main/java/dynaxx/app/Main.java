package dynaxx.app;

import dynaxx.app.data.DatasetException;
import dynaxx.onnx.OnnxException;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.UntrustworthyOperatorException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IVersionProvider;

/** The command line. */
@Command(
    name = "dynaxx",
    description = "Watches the curvature of a neural network's loss while it trains.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      DemoCommand.class,
      ProbeCommand.class,
      ReplayCommand.class,
      ProfileCommand.class,
      DoctorCommand.class
    },
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {

  /**
   * Commands print their device themselves; held here because the log manager keeps weak references
   * only.
   */
  private static final Logger BACKEND_LOG = Logger.getLogger("dynaxx.backend");

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  public static void main(String[] args) {
    BACKEND_LOG.setLevel(Level.WARNING);
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(handler());
  }

  /** What a user can put right gets one line; anything else is a defect and keeps its trace. */
  private static IExecutionExceptionHandler handler() {
    return (exception, commandLine, parsed) -> {
      String message = message(exception);
      if (message == null) {
        exception.printStackTrace(commandLine.getErr());
        return CommandLine.ExitCode.SOFTWARE;
      }
      commandLine.getErr().println("dynaxx: " + message);
      boolean diverged = exception instanceof NonFiniteException;
      return diverged ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.USAGE;
    };
  }

  private static String message(Exception exception) {
    return switch (exception) {
      case UserException e -> e.getMessage();
      case DatasetException e -> e.getMessage();
      case OnnxException e -> e.getMessage();
      case NonFiniteException e -> e.getMessage();
      case UntrustworthyOperatorException e -> e.getMessage();
      case UncheckedIOException e -> e.getMessage();
      case FileSystemException e -> e.getFile() + ": cannot be written or read (" + reason(e) + ")";
      case IOException e -> "a file cannot be written or read (" + e.getMessage() + ")";
      default -> null;
    };
  }

  private static String reason(FileSystemException e) {
    return e.getReason() == null ? e.getClass().getSimpleName() : e.getReason();
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
