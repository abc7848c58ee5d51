package dynaxx.app;

import dynaxx.app.corpus.Corpus;
import dynaxx.app.corpus.Family;
import dynaxx.app.corpus.Pack;
import dynaxx.app.corpus.Specification;
import dynaxx.app.io.WholeFile;
import dynaxx.monitor.PhaseMonitor;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Makes the corpus of trainings. */
@Command(
    name = "corpus",
    description =
        "Trains several hundred small networks, most of which go wrong, and keeps what was measured"
            + " and what happened. Runs that the folder already has are not repeated.",
    subcommands = {CorpusActCommand.class, CorpusEvaluateCommand.class},
    mixinStandardHelpOptions = true)
final class CorpusCommand implements Callable<Integer> {

  private static final int MOST_RUNS = 100_000;

  /** Runs that break cannot be measured at their end, which is no news here. */
  private static final Logger MONITOR_LOG = Logger.getLogger(PhaseMonitor.class.getName());

  @Spec private CommandSpec spec;

  @Option(names = "--out", paramLabel = "DIR", description = "Folder of the runs. Required.")
  private Path out;

  @Option(
      names = "--runs",
      paramLabel = "N",
      defaultValue = "320",
      description = "Number of runs in the corpus. Default: ${DEFAULT-VALUE}.")
  private int runs;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Seed of the corpus; fixes all random choices. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--threads",
      paramLabel = "T",
      description = "How many runs to make at the same time. Default: one for each processor.")
  private Integer threads;

  @Option(
      names = "--only",
      paramLabel = "FAMILY",
      description =
          "Make only the runs of one family: ${COMPLETION-CANDIDATES}. --runs counts those of all"
              + " families. Default: all.")
  private Family only;

  @Option(
      names = "--pack",
      paramLabel = "FILE",
      description = "Also write all complete runs of the folder into this ZIP file.")
  private Path pack;

  @Override
  public Integer call() throws Exception {
    if (out == null) {
      throw new ParameterException(spec.commandLine(), "--out: found nothing, expected a folder");
    }
    Bounds.check(spec, "--runs", runs, 1, MOST_RUNS);
    Bounds.threads(spec, threads);
    WholeFile.checkFolder(out);
    if (pack != null) {
      WholeFile.check(pack);
    }
    MONITOR_LOG.setLevel(Level.SEVERE);
    List<Specification> plan = Corpus.plan(seed, runs, only);
    ManyRuns.show(
        spec,
        "run",
        plan.size(),
        threads,
        (workers, done) -> new Corpus(out).make(plan, workers, done));
    if (pack != null) {
      int packed = Pack.write(new Corpus(out), pack);
      spec.commandLine().getOut().printf("Packed %d runs into %s%n", packed, pack);
    }
    return 0;
  }
}
