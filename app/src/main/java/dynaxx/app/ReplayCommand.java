package dynaxx.app;

import dynaxx.app.run.RunReader;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Rules;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update.StabilityLimit;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.commons.csv.CSVFormat;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs a rule set over the metrics of a finished run and prints what happened. */
@Command(
    name = "replay",
    description =
        "Reads the metrics of a run and prints what happened, one event a line: its step, kind,"
            + " signal, confidence and explanation, separated by commas.",
    mixinStandardHelpOptions = true,
    showDefaultValues = false)
final class ReplayCommand implements Callable<Integer> {

  private static final int PROBLEMS = 20;
  private static final int BASELINE = 25;
  private static final int MOST_LAYERS = 1_000_000;
  private static final String METRICS = "metrics.csv";
  private static final CSVFormat FORMAT =
      CSVFormat.RFC4180.builder().setRecordSeparator('\n').get();

  private static final String[] SIGNALS =
      Arrays.stream(Signal.values())
          .map(signal -> "  " + signal.column() + ": " + signal.documentation())
          .map(line -> line.replace("%", "%%").replace("`", ""))
          .toArray(String[]::new);

  private enum RuleSet {
    ARTICLE,
    CALIBRATED;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private enum Optimizer {
    SGD,
    ADAMW;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private CommandSpec spec;

  @Spec
  void spec(CommandSpec own) {
    spec = own;
    spec.usageMessage().footerHeading("%nSignals, by the names of their columns:%n");
    spec.usageMessage().footer(SIGNALS);
  }

  @Parameters(
      paramLabel = "METRICS",
      description =
          "A CSV file with a column step and at least one signal, or the folder of a run. Columns"
              + " that end with _error or _residual give the uncertainty of a signal.")
  private Path metrics;

  @Option(
      names = "--rules",
      paramLabel = "NAME",
      defaultValue = "calibrated",
      description = "Rule set: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private RuleSet ruleSet;

  @Option(
      names = "--json",
      description = "Print each event as one line of JSON, with all its evidence.")
  private boolean json;

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description =
          "Whose stability limit the sharpness is compared with: ${COMPLETION-CANDIDATES}. adamw"
              + " needs a column preconditioned_lambda_max. Default: the optimizer of the run, if"
              + " its folder is given, or sgd.")
  private Optimizer optimizer;

  @Option(
      names = "--momentum",
      paramLabel = "B",
      description = "Momentum of sgd, or beta1 of adamw. Default: 0 for sgd, 0.9 for adamw.")
  private Double momentum;

  @Option(
      names = {"--depth", "--layers"},
      paramLabel = "N",
      defaultValue = "0",
      description = "Number of layers of the network, for the article rules. Default: 0.")
  private int layers;

  @Option(
      names = "--non-smooth",
      description =
          "The activations have kinks, like ReLU; the article rules then need stronger signs.")
  private boolean nonSmooth;

  @Override
  public Integer call() throws IOException {
    Rules rules = rules();
    try (ProgressLine progress = ProgressLine.open()) {
      return replay(rules, progress);
    }
  }

  private Integer replay(Rules rules, ProgressLine progress) throws IOException {
    Path file = Files.isDirectory(metrics) ? metrics.resolve(METRICS) : metrics;
    Problems problems = new Problems(spec.commandLine().getErr());
    progress.stage("reading " + file.getFileName());
    List<MonitorRecord> records =
        RunReader.metrics(file, problem -> progress.aside(() -> problems.add(problem)));
    progress.stage("rules", "record", records.size());
    progress.aside(problems::finish);
    PrintWriter out = spec.commandLine().getOut();
    int events = 0;
    for (MonitorRecord record : records) {
      events += print(events(rules, record), out, progress);
      progress.advance(1);
    }
    events += print(rules.finish(), out, progress);
    progress.end();
    out.flush();
    if (events == 0) {
      spec.commandLine().getErr().println("dynaxx: " + nothing(records));
    }
    return 0;
  }

  /** Says what there was to see, so that nobody takes a short file for a quiet run. */
  private String nothing(List<MonitorRecord> records) {
    List<Observation> steps =
        records.stream()
            .filter(MonitorRecord.Step.class::isInstance)
            .map(record -> ((MonitorRecord.Step) record).observation())
            .toList();
    long snapshots =
        steps.stream().filter(step -> step.value(Signal.LAMBDA_MIN).isPresent()).count();
    String comparing =
        ruleSet == RuleSet.CALIBRATED && snapshots < BASELINE
            ? "; curvature is judged from snapshot " + BASELINE + " on"
            : "";
    return "no events in %d steps, %d of them with a snapshot, by the %s rules%s"
        .formatted(steps.size(), snapshots, ruleSet, comparing);
  }

  private static List<Event> events(Rules rules, MonitorRecord record) {
    return switch (record) {
      case MonitorRecord.Step step -> rules.observe(step.observation());
      case MonitorRecord.Notice notice -> rules.restarted(notice.step());
      case MonitorRecord.Validation validation -> List.of();
    };
  }

  private Rules rules() {
    Bounds.check(spec, "--depth", layers, 0, MOST_LAYERS);
    if (momentum != null && !(momentum >= 0 && momentum < 1)) {
      throw new ParameterException(
          spec.commandLine(), "--momentum: found " + momentum + ", expected from 0 to below 1");
    }
    return switch (ruleSet) {
      case ARTICLE -> Rules.article(layers, !nonSmooth);
      case CALIBRATED -> Rules.calibration().baseline(BASELINE).stability(stability()).build();
    };
  }

  private StabilityLimit stability() {
    if (optimizer == null && momentum == null) {
      return TrainingOptions.stability(metrics);
    }
    return switch (optimizer == null ? Optimizer.SGD : optimizer) {
      case SGD -> StabilityLimit.momentum(momentum == null ? 0 : momentum, 0);
      case ADAMW -> StabilityLimit.adam(momentum == null ? 0.9 : momentum);
    };
  }

  private int print(List<Event> events, PrintWriter out, ProgressLine progress) {
    for (Event event : events) {
      progress.aside(() -> out.print(json ? event.toJson() + "\n" : csv(event)));
    }
    return events.size();
  }

  private static String csv(Event event) {
    return FORMAT.format(
            event.step(),
            event.kind(),
            event.signal().column(),
            String.format(Locale.ROOT, "%.3f", event.confidence()),
            event.explanation())
        + "\n";
  }

  /** Prints the first problems of a file, and how many more there were. */
  private static final class Problems {
    private final PrintWriter err;
    private int count;

    Problems(PrintWriter err) {
      this.err = err;
    }

    void add(String problem) {
      if (count++ < PROBLEMS) {
        err.println("dynaxx: " + problem);
      }
    }

    void finish() {
      if (count > PROBLEMS) {
        err.printf("dynaxx: and %d more like these%n", count - PROBLEMS);
      }
    }
  }
}
