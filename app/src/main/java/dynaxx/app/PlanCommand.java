package dynaxx.app;

import dynaxx.app.io.UserException;
import dynaxx.app.plan.Calibration;
import dynaxx.app.plan.CostFile;
import dynaxx.app.plan.Estimate;
import dynaxx.app.run.Hardware;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.cost.CostModel;
import dynaxx.cost.CostModel.Basis;
import dynaxx.cost.SnapshotPlan;
import dynaxx.cost.TransformerCost;
import dynaxx.cost.TransformerShape;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.spectrum.Lanczos;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Says how often a model can be measured within a budget. */
@Command(
    name = "plan",
    description =
        "Says how often the curvature of a transformer can be measured within a budget, how much"
            + " of it, and what memory that takes.",
    mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {

  private static final int MOST_BATCH = 1 << 20;
  private static final int MOST_SEQUENCE = 1 << 16;
  private static final double CALIBRATION_SECONDS = 50;
  private static final double MOST_STEP_MS = 1e9;

  /** Memory of a device that nobody has asked: nothing is cut. */
  private static final long UNLIMITED = Long.MAX_VALUE / 4;

  enum DeviceName {
    CPU,
    CUDA;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Spec private CommandSpec spec;

  @Option(
      names = "--parameters",
      paramLabel = "N",
      converter = Size.class,
      description =
          "Parameters of the model, for example 350M or 1B; the shape of a usual vision"
              + " transformer of this size is assumed.")
  private Long parameters;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "256",
      description = "Examples of a training step. Default: ${DEFAULT-VALUE}.")
  private int batch;

  @Option(
      names = "--sequence",
      paramLabel = "N",
      defaultValue = "197",
      description = "Tokens of an example. Default: ${DEFAULT-VALUE}.")
  private int sequence;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      defaultValue = "cpu",
      description = "Where it trains: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private DeviceName device;

  @Option(
      names = "--budget",
      paramLabel = "SHARE",
      defaultValue = "0.05",
      description = "Largest share of the time that measuring may take. Default: ${DEFAULT-VALUE}.")
  private double budget;

  @Option(
      names = "--step-ms",
      paramLabel = "X",
      description =
          "Milliseconds of your training step. Default: estimated from what was timed here.")
  private Double stepMs;

  @Option(
      names = "--calibrate",
      description =
          "Time some small networks on this machine, which takes a minute, and keep the result in"
              + " the user's cache.")
  private boolean calibrate;

  /** A count with k, M or B. */
  static final class Size implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      String digits = text.strip();
      double factor = 1;
      if (!digits.isEmpty()) {
        factor =
            switch (Character.toLowerCase(digits.charAt(digits.length() - 1))) {
              case 'k' -> 1e3;
              case 'm' -> 1e6;
              case 'b', 'g' -> 1e9;
              default -> 1;
            };
      }
      if (factor > 1) {
        digits = digits.substring(0, digits.length() - 1);
      }
      if (!digits.matches("-?\\d{1,15}(\\.\\d{1,9})?")) {
        throw new TypeConversionException(
            "found '" + text + "', expected a number such as 350M, 1.5B or 10000000");
      }
      return Math.round(Double.parseDouble(digits) * factor);
    }
  }

  @Override
  public Integer call() throws IOException {
    check();
    if (calibrate) {
      calibrate();
    }
    if (parameters != null) {
      answer();
    }
    return 0;
  }

  private void check() {
    if (parameters == null && !calibrate) {
      throw wrong("--parameters: found none, expected a number such as 350M, or --calibrate");
    }
    if (parameters != null
        && (parameters < TransformerShape.LEAST || parameters > TransformerShape.MOST)) {
      throw wrong(
          "--parameters: found %,d, expected from %,d to %,d"
              .formatted(parameters, TransformerShape.LEAST, TransformerShape.MOST));
    }
    Bounds.check(spec, "--batch", batch, 1, MOST_BATCH);
    Bounds.check(spec, "--sequence", sequence, 2, MOST_SEQUENCE);
    if (!(budget > 0 && budget <= 1)) {
      throw wrong("--budget: found " + budget + ", expected above 0 and at most 1");
    }
    if (stepMs != null && !(stepMs > 0 && stepMs <= MOST_STEP_MS)) {
      throw wrong("--step-ms: found " + stepMs + ", expected above 0 and at most " + MOST_STEP_MS);
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** What a file of costs holds for. */
  static Map<String, Object> machine() {
    Map<String, Object> facts = new LinkedHashMap<>(Hardware.describe());
    facts.keySet().retainAll(List.of("processor", "architecture", "processors", "java"));
    return facts;
  }

  private void calibrate() throws IOException {
    CostFile file = CostFile.of(device.toString());
    try (Device opened = open();
        ProgressLine progress = ProgressLine.open()) {
      Calibration calibration = new Calibration(System::nanoTime, CALIBRATION_SECONDS);
      CostModel model = CostModel.fit(calibration.run(opened, progress::stage));
      Map<String, Object> facts = new LinkedHashMap<>();
      facts.put("dynaxx", Main.version());
      facts.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
      file.write(
          new CostFile.Costs(model, opened.description(), opened.defaultMemoryLimit()),
          machine(),
          facts);
      line(
          "timed",
          "%d parts of five transformers; %.3g GFLOP/s, %.3g GB/s, %.3g us a launch; +- %.0f %%",
          model.timings().size(),
          1e-9 / model.perFlop(),
          1e-9 / model.perByte(),
          1e6 * model.perLaunch(),
          100 * model.relativeError());
      line("wrote", "%s", file.path());
    }
  }

  private Device open() {
    try {
      return Devices.open(device.toString(), Runtime.getRuntime().availableProcessors());
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new UserException("--device: " + e.getMessage(), e);
    }
  }

  /** What was timed; without it, the time of a step has to do. */
  private Optional<CostFile.Costs> costs() throws IOException {
    CostFile file = CostFile.of(device.toString());
    if (!file.path().toFile().exists() && stepMs != null) {
      return Optional.empty();
    }
    return Optional.of(file.read(machine()));
  }

  private void answer() throws IOException {
    Optional<CostFile.Costs> costs = costs();
    TransformerShape shape = TransformerShape.of(parameters, sequence);
    long limit = costs.map(CostFile.Costs::memoryLimit).orElse(UNLIMITED);
    Optional<CostModel> model = costs.map(CostFile.Costs::model);
    try {
      Estimate estimate =
          new Estimate(
              new TransformerCost(shape),
              batch,
              budget,
              limit,
              model,
              Optional.ofNullable(stepMs).map(ms -> ms / 1e3));
      line(
          "network",
          "%,d parameters: %d blocks of width %,d, %,d tokens",
          shape.parameters(),
          shape.depth(),
          shape.width(),
          sequence);
      line("device", "%s", costs.map(c -> device + ": " + c.device()).orElse(device.toString()));
      print(estimate, model, limit);
    } catch (IllegalArgumentException e) {
      throw new UserException("this model does not fit: " + e.getMessage(), e);
    }
  }

  private void print(Estimate estimate, Optional<CostModel> model, long limit) {
    String known =
        stepMs != null
            ? "as given"
            : basis(estimate.stepBasis().orElseThrow(), model.orElseThrow());
    line("step", "%s for a batch of %,d (%s)", time(estimate.step()), batch, known);
    line("budget", "%.3g %% of the time", 100 * budget);
    Estimate.Answer chosen = estimate.chosen();
    SnapshotPlan plan = chosen.plan();
    line(
        "snapshot",
        "%s, every %,d steps: %s (%s)",
        time(chosen.seconds()),
        chosen.interval(),
        words(plan),
        estimate
            .basis(plan)
            .map(b -> basis(b, model.orElseThrow()))
            .orElse("operations counted against those of the given step, not measured"));
    Estimate.Answer whole = estimate.whole();
    line(
        "",
        "%s, every %,d steps: %s",
        time(whole.seconds()),
        whole.interval(),
        words(whole.plan()));
    line("article", "every %.0f steps at this size and batch", estimate.articleInterval());
    line(
        "memory",
        "%s%s; %s",
        gibibytes(chosen.memory()),
        limit == UNLIMITED
            ? ", if nothing is cut: the device's limit is not known"
            : chosen.memory() > limit
                ? ", more than the " + gibibytes(limit) + " that dynaxx takes here"
                : "",
        chosen.cut());
    line("error", "%s", error(plan));
  }

  private static String words(SnapshotPlan plan) {
    return String.format(
        Locale.ROOT,
        "%d Lanczos steps, %d probes over %,d examples",
        plan.settings().lanczos().map(Lanczos::cap).orElse(0),
        plan.settings().probes(),
        plan.examples());
  }

  /** Only what follows from counts, and what was seen on cases that are known. */
  private String error(SnapshotPlan plan) {
    String trace =
        String.format(
            Locale.ROOT,
            "trace: sampling error %.2g times that over a batch, probes' error %.2g times that of"
                + " 8 probes",
            Math.sqrt((double) batch / plan.examples()),
            Math.sqrt(8.0 / plan.settings().probes()));
    boolean article = plan.settings().lanczos().orElseThrow().cap() >= 15;
    return trace
        + (article
            ? "; on six known networks lambda_min was 0.03 to 15 % off and the trace's standard"
                + " error 5 to 71 % (docs/guide.md)"
            : "; lambda_min has seldom converged in so few steps, nothing is known of its error");
  }

  private static String basis(Basis basis, CostModel model) {
    String fit = String.format(Locale.ROOT, "+- %.0f %% in the fit", 100 * model.relativeError());
    return switch (basis.kind()) {
      case MEASURED -> "timed here, " + fit;
      case INTERPOLATED -> "interpolated between times of this machine, " + fit;
      case EXTRAPOLATED ->
          String.format(
              Locale.ROOT,
              "extrapolated, %.3g times beyond what was timed here, %s",
              basis.factor(),
              fit);
    };
  }

  private static String time(double seconds) {
    return seconds < 1
        ? String.format(Locale.ROOT, "%.3g ms", 1e3 * seconds)
        : String.format(Locale.ROOT, seconds < 1000 ? "%.3g s" : "%,.0f s", seconds);
  }

  private static String gibibytes(double bytes) {
    return String.format(Locale.ROOT, "%.3g GiB", bytes / (1 << 30));
  }

  private void line(String name, String format, Object... arguments) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf("%-9s%s%n", name, String.format(Locale.ROOT, format, arguments));
    out.flush();
  }
}
