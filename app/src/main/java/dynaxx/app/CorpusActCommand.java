package dynaxx.app;

import dynaxx.app.corpus.Acting;
import dynaxx.app.corpus.ActingReport;
import dynaxx.app.corpus.ActingTable;
import dynaxx.app.corpus.Evaluation;
import dynaxx.app.io.WholeFile;
import dynaxx.monitor.PhaseMonitor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures whether acting helps. */
@Command(
    name = "act",
    description =
        "Trains small networks at learning rates from a quarter to eight times the stability"
            + " limit, each with and without the policies of the monitor, with clipped gradients"
            + " and with a warm-up, and prints what that gives. A training that is there is not"
            + " made again.",
    mixinStandardHelpOptions = true)
final class CorpusActCommand implements Callable<Integer> {

  private static final int MOST = 100_000;

  /** Runs that break cannot be measured at their end, which is no news here. */
  private static final Logger MONITOR_LOG = Logger.getLogger(PhaseMonitor.class.getName());

  @Spec private CommandSpec spec;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "Folder of the trainings.")
  private Path out;

  @Option(
      names = "--pairs",
      paramLabel = "N",
      defaultValue = "270",
      description =
          "How many trainings, each made with everything; 90 have each family, rate and optimizer"
              + " once. Default: ${DEFAULT-VALUE}.")
  private int pairs;

  @Option(
      names = "--faults",
      paramLabel = "N",
      defaultValue = "90",
      description =
          "How many trainings with a fault, after which one goes on or back. Default:"
              + " ${DEFAULT-VALUE}.")
  private int faults;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "All follows from this and from the half. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--half",
      paramLabel = "HALF",
      defaultValue = "report",
      description =
          "Which seeds: ${COMPLETION-CANDIDATES}. What is tuned is tuned on the even ones."
              + " Default: ${DEFAULT-VALUE}.")
  private Evaluation.Half half;

  @Option(
      names = "--threads",
      paramLabel = "T",
      description =
          "Trainings made at once; each takes one thread. Default: as many as there are"
              + " processors.")
  private Integer threads;

  @Option(
      names = "--markdown",
      paramLabel = "FILE",
      description = "Write the tables there instead of printing them.")
  private Path markdown;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the figures there as JSON.")
  private Path json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Bounds.check(spec, "--pairs", pairs, 1, MOST);
    Bounds.check(spec, "--faults", faults, 0, MOST);
    Bounds.threads(spec, threads);
    WholeFile.checkFolder(out);
    for (Path file : new Path[] {markdown, json}) {
      if (file != null) {
        WholeFile.check(file);
      }
    }
    MONITOR_LOG.setLevel(Level.SEVERE);
    Acting.Trials plan = new Acting.Trials(seed, pairs, faults, half == Evaluation.Half.TUNE);
    Acting acting = new Acting(out);
    ManyRuns.show(
        spec,
        "training",
        pairs + faults,
        threads,
        (workers, done) -> acting.make(plan, workers, done));
    tell(acting.report(plan));
    return 0;
  }

  private void tell(ActingReport report) throws IOException {
    if (json != null) {
      write(json, ActingTable.json(report));
    }
    if (markdown != null) {
      write(markdown, ActingTable.markdown(report));
    } else {
      spec.commandLine().getOut().print(ActingTable.markdown(report));
      spec.commandLine().getOut().flush();
    }
  }

  private static void write(Path file, String text) throws IOException {
    WholeFile.write(file, out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
  }
}
