package dynaxx.app;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a command did.
 *
 * @param status its exit status
 * @param out what it printed
 * @param err what it complained about
 */
record Outcome(int status, String out, String err) {

  /** Runs a command in this process. */
  static Outcome of(List<String> arguments, String... more) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status =
        Main.commandLine()
            .setOut(new PrintWriter(out))
            .setErr(new PrintWriter(err))
            .execute(Stream.concat(arguments.stream(), Stream.of(more)).toArray(String[]::new));
    return new Outcome(status, out.toString(), err.toString());
  }
}
