package dynaxx.app;

import dynaxx.app.data.DatasetException;
import dynaxx.app.io.UserException;
import dynaxx.onnx.OnnxException;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.UntrustworthyOperatorException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Says what went wrong. What a user can put right gets one line; a wrong option a second one that
 * names the help; anything else is a defect and gets one that names {@link #DEBUG}.
 */
final class Failures {

  /** Prints the trace of whatever goes wrong. */
  static final String DEBUG = "--debug";

  private static final Pattern INVALID =
      Pattern.compile(
          "Invalid value for (?:option|positional parameter at index \\S+)"
              + " '?([^' ]+)'?(?: \\([^)]*\\))?: (.*)",
          Pattern.DOTALL);

  private static final Pattern CHOICE =
      Pattern.compile("expected one of \\[(.*)\\] \\(case-insensitive\\) but was '(.*)'");

  private Failures() {}

  /** A command line was not understood. */
  static int arguments(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("dynaxx: " + oneLine(words(e)));
    err.printf("Try '%s --help'.%n", command.getCommandSpec().qualifiedName());
    trace(e, List.of(arguments).contains(DEBUG), err);
    return command.getCommandSpec().exitCodeOnInvalidInput();
  }

  /** The parser's message in the words of all others: what was found, what was expected. */
  private static String words(ParameterException e) {
    if (e instanceof UnmatchedArgumentException unmatched) {
      return unmatched(unmatched);
    }
    Matcher invalid = INVALID.matcher(e.getMessage());
    if (!invalid.matches()) {
      return e.getMessage();
    }
    Matcher choice = CHOICE.matcher(invalid.group(2));
    return invalid.group(1)
        + ": "
        + (choice.matches()
            ? "found '"
                + choice.group(2)
                + "', expected one of "
                + choice.group(1).toLowerCase(Locale.ROOT)
            : invalid.group(2));
  }

  private static String unmatched(UnmatchedArgumentException e) {
    String found = e.getUnmatched().getFirst();
    boolean option = e.isUnknownOption();
    boolean command = !option && !e.getCommandLine().getSubcommands().isEmpty();
    String expected =
        option ? "an option of this command" : command ? "a command" : "no further argument";
    List<String> suggestions = e.getSuggestions();
    if (command && suggestions.isEmpty()) {
      expected = "one of " + String.join(", ", e.getCommandLine().getSubcommands().keySet());
    }
    return "found '"
        + found
        + "', expected "
        + expected
        + (suggestions.isEmpty()
            ? ""
            : suggestions.stream().collect(Collectors.joining(" or ", "; did you mean ", "?")));
  }

  /** A command failed. */
  static int execution(Throwable e, PrintWriter err, boolean debug) {
    String message = message(e);
    if (message == null) {
      err.println("dynaxx: internal error: " + oneLine(e.toString()) + hint(debug));
    } else {
      err.println("dynaxx: " + oneLine(message));
    }
    trace(e, debug, err);
    boolean mistake = message != null && !(e instanceof NonFiniteException);
    return mistake ? CommandLine.ExitCode.USAGE : CommandLine.ExitCode.SOFTWARE;
  }

  /** What was printed may not have arrived. Of a pipe whose reader had enough, nothing is said. */
  static int output(int status, CommandLine command) {
    if (status != CommandLine.ExitCode.OK || !System.out.checkError()) {
      return status;
    }
    if (!isPipe(Path.of("/proc/self/fd/1"))) {
      command.getErr().println("dynaxx: standard output cannot be written: it is full or closed");
    }
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static boolean isPipe(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("pipe:");
    } catch (IOException | RuntimeException e) {
      return false;
    }
  }

  private static String hint(boolean debug) {
    return debug ? "" : "; " + DEBUG + " prints the trace to report";
  }

  private static void trace(Throwable e, boolean debug, PrintWriter err) {
    if (debug) {
      e.printStackTrace(err);
    }
    err.flush();
  }

  private static String oneLine(String message) {
    return message.strip().replaceAll("\\R\\s*", " ");
  }

  private static String message(Throwable exception) {
    return switch (exception) {
      case UserException e -> e.getMessage();
      case DatasetException e -> e.getMessage();
      case OnnxException e -> e.getMessage();
      case NonFiniteException e -> e.getMessage();
      case UntrustworthyOperatorException e -> e.getMessage();
      case UncheckedIOException e when e.getCause() instanceof FileSystemException cause ->
          message(cause);
      case UncheckedIOException e -> e.getMessage();
      case FileSystemException e -> e.getFile() + ": " + reason(e);
      case IOException e -> "a file cannot be written or read (" + e.getMessage() + ")";
      case OutOfMemoryError e ->
          "not enough memory ("
              + e.getMessage()
              + "); DYNAXX_JAVA_OPTS=-Xmx8g, for example, allows 8 GB";
      default -> null;
    };
  }

  private static String reason(FileSystemException e) {
    return switch (e) {
      case AccessDeniedException denied when denied.getReason() == null -> "permission denied";
      case NoSuchFileException none -> "no such file or folder";
      case FileAlreadyExistsException there -> "found a file, expected none or a folder";
      case NotDirectoryException file -> "found a file, expected a folder";
      default ->
          "cannot be written or read ("
              + (e.getReason() == null ? e.getClass().getSimpleName() : e.getReason())
              + ")";
    };
  }
}
