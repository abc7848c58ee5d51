package dynaxx.app;

import dynaxx.app.corpus.Corpus;
import dynaxx.app.corpus.Family;
import dynaxx.app.corpus.Specification;
import dynaxx.app.io.WholeFile;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.monitor.PhaseMonitor;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Makes the corpus of trainings. */
@Command(
    name = "corpus",
    description =
        "Trains several hundred small networks, most of them in trouble, and keeps what was"
            + " measured and what happened. A run that is there is not made again.",
    mixinStandardHelpOptions = true)
final class CorpusCommand implements Callable<Integer> {

  private static final int MOST_RUNS = 100_000;

  /** Runs that break cannot be measured at their end, which is no news here. */
  private static final Logger MONITOR_LOG = Logger.getLogger(PhaseMonitor.class.getName());

  @Spec private CommandSpec spec;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder of the runs.")
  private Path out;

  @Option(
      names = "--runs",
      paramLabel = "N",
      defaultValue = "320",
      description = "How many. Default: ${DEFAULT-VALUE}.")
  private int runs;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "All of a run follows from this and its number. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--threads",
      paramLabel = "T",
      description =
          "Runs made at once; each takes one thread. Default: as many as there are processors.")
  private Integer threads;

  @Option(
      names = "--only",
      paramLabel = "FAMILY",
      description = "Only the runs of one family: ${COMPLETION-CANDIDATES}.")
  private Family only;

  @Override
  public Integer call() throws Exception {
    Bounds.check(spec, "--runs", runs, 1, MOST_RUNS);
    Bounds.threads(spec, threads);
    WholeFile.checkFolder(out);
    MONITOR_LOG.setLevel(Level.SEVERE);
    List<Specification> plan = Corpus.plan(seed, runs, only);
    PrintWriter print = spec.commandLine().getOut();
    try (ProgressLine progress = ProgressLine.open()) {
      progress.stage("training", "run", plan.size());
      int workers = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
      new Corpus(out)
          .make(
              plan,
              workers,
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
    return 0;
  }
}
