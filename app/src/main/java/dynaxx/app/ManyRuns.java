package dynaxx.app;

import dynaxx.app.terminal.ProgressLine;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;

/** Shows a command that makes many runs, a line for each that is done. */
final class ManyRuns {

  private ManyRuns() {}

  /** Makes the runs. */
  interface Job {

    /**
     * Works.
     *
     * @param workers runs at once
     * @param done takes the line of each finished run, from any thread
     */
    void make(int workers, Consumer<String> done) throws IOException, InterruptedException;
  }

  /**
   * Makes and shows them.
   *
   * @param unit what one of them is called
   * @param threads runs at once; null for the number of processors
   */
  static void show(CommandSpec spec, String unit, int count, Integer threads, Job job)
      throws IOException, InterruptedException {
    PrintWriter print = spec.commandLine().getOut();
    try (ProgressLine progress = ProgressLine.open()) {
      progress.stage("training", unit, count);
      job.make(
          threads == null ? Runtime.getRuntime().availableProcessors() : threads,
          line -> {
            progress.aside(
                () -> {
                  print.println(line);
                  print.flush();
                });
            progress.advance(1);
          });
      progress.end();
    }
  }
}
