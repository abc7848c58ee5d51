package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A command on a thread of its own, whose output can be read while it runs. */
final class Running {
  private static final Pattern ADDRESS = Pattern.compile("http://127\\.0\\.0\\.1:\\d+/");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final FutureTask<Integer> task;
  private final Thread thread;

  Running(String... arguments) {
    task =
        new FutureTask<>(
            () ->
                Main.commandLine()
                    .setOut(new PrintWriter(out))
                    .setErr(new PrintWriter(err))
                    .execute(arguments));
    thread = new Thread(task);
    thread.start();
  }

  int status() throws Exception {
    int status = task.get();
    assertEquals("", err.toString());
    return status;
  }

  /** Waits until the run has ended, and only its page is left. */
  void awaitStay() throws InterruptedException {
    for (int i = 0; i < 3000 && !out.toString().contains("until Ctrl+C"); i++) {
      assertFalse(task.isDone(), err::toString);
      Thread.sleep(50);
    }
  }

  /** The address that the command prints. */
  URI address() throws InterruptedException {
    for (int i = 0; i < 3000; i++) {
      Optional<URI> found = address(out.toString());
      if (found.isPresent()) {
        return found.get();
      }
      assertFalse(task.isDone(), err::toString);
      Thread.sleep(50);
    }
    throw new AssertionError("no address in " + out + err);
  }

  void interrupt() {
    thread.interrupt();
  }

  /** Its exit code, where it is expected to complain. */
  int wrongStatus() throws Exception {
    return task.get();
  }

  String out() {
    return out.toString();
  }

  String err() {
    return err.toString();
  }

  /** The first address in what a command printed. */
  static Optional<URI> address(String printed) {
    Matcher found = ADDRESS.matcher(printed);
    return found.find() ? Optional.of(URI.create(found.group())) : Optional.empty();
  }
}
