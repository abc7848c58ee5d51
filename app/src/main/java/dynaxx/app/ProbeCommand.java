package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.app.plot.Pictures;
import dynaxx.app.plot.SpectrumPlot;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.onnx.OnnxException;
import dynaxx.onnx.OnnxModel;
import dynaxx.onnx.OnnxOptions;
import dynaxx.operator.UntrustworthyOperatorException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures the curvature of a model from an ONNX file on given data. */
@Command(
    name = "probe",
    description = "Measures the curvature of a model in an ONNX file on data in .npy files.",
    mixinStandardHelpOptions = true,
    showDefaultValues = false)
final class ProbeCommand implements Callable<Integer> {

  private static final int MICRO_BATCH = 8;
  private static final int MOST_STEPS = 10_000;
  private static final int DRAWS = 8;
  private static final int MOST_DRAWS = 1_000_000;

  @Spec private CommandSpec spec;

  /** What --json says of influences. */
  private Optional<Map<String, Object>> influenced = Optional.empty();

  @Option(
      names = "--model",
      required = true,
      paramLabel = "FILE",
      description = "The model, an ONNX file with its weights inside.")
  private Path model;

  @Option(
      names = "--inputs",
      required = true,
      paramLabel = "[NAME=]FILE",
      description =
          "The examples: a .npy file, FILE.npz:ARRAY, an IDX file, or FILE.csv with columns after a"
              + " colon. A model with several inputs takes one for each, in its order or with their"
              + " names.")
  private List<String> inputs;

  @Option(
      names = "--batch-axis",
      paramLabel = "[NAME=]AXIS",
      description =
          "Which axis of an input counts the examples. Default: the one that the model leaves open,"
              + " usually 0.")
  private List<String> batchAxes = List.of();

  @Option(
      names = "--shared",
      paramLabel = "NAME",
      description =
          "An input that is the same for all examples and has no axis for them. Default: inputs"
              + " whose file has another number of examples than the first.")
  private List<String> shared = List.of();

  @Option(
      names = "--padding-trains",
      description =
          "Differentiate by a row of zeros in a table of tokens as by the others. Default: the only"
              + " one counts as padding, as PyTorch's padding_idx, which ONNX does not keep.")
  private boolean paddingTrains;

  @Option(
      names = "--targets",
      required = true,
      paramLabel = "FILE",
      description =
          "What the model should predict, a .npy file: class numbers for cross-entropy,"
              + " distributions for soft-cross-entropy and kullback-leibler, probabilities for"
              + " binary-cross-entropy, numbers of groups for contrastive, else values.")
  private List<Path> targets;

  @Mixin private LossOptions loss = new LossOptions();

  @Mixin private Selection selection = new Selection();

  @Option(
      names = "--expect",
      paramLabel = "FILE",
      description =
          "What the model's own framework gives as its output for these examples, a .npy file;"
              + " nothing is measured if the model gives something else.")
  private Path expected;

  @Option(
      names = "--operator",
      split = ",",
      paramLabel = "MATRIX",
      description =
          "What to measure: hessian, gauss-newton, empirical-fisher, fisher (with targets drawn"
              + " from the model), kfac and ekfac (which approximate gauss-newton), or several with"
              + " commas between them. The Hessian is always measured. Default: hessian.")
  private List<String> operators = List.of("hessian");

  @Option(
      names = "--draws",
      paramLabel = "S",
      description = "Targets that the fisher matrix draws for each example. Default: 8.")
  private Integer draws;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description =
          "certified: until Lanczos has converged, with bounds; article: 15 Lanczos steps; cheap:"
              + " the least work. Default: certified.")
  private String mode = "certified";

  @Option(
      names = {"--lanczos", "--iterations"},
      paramLabel = "M",
      description = "Number of Lanczos steps, from 2 to 10000. Default: the mode decides.")
  private Integer iterations;

  @Option(
      names = "--probes",
      paramLabel = "P",
      description =
          "Number of random probes for the traces, from 2 to 1000000. Default: the mode decides.")
  private Integer probes;

  @Option(names = "--density", description = "Also estimate the density of the spectrum.")
  private boolean density;

  @Option(
      names = "--micro-batch",
      paramLabel = "B",
      description =
          "Examples in a micro-batch for the variance of the gradient, at most half of all."
              + " Default: 8.")
  private Integer microBatch;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description = "Where to compute: auto, cpu or cuda. Default: auto, the best available.")
  private String device;

  @Option(
      names = "--threads",
      paramLabel = "T",
      description = "Worker threads on the CPU. Default: one for each processor.")
  private Integer threads;

  @Option(names = "--seed", paramLabel = "S", description = "Fixes all random choices. Default: 1.")
  private long seed = 1;

  @Option(
      names = "--parameters",
      paramLabel = "REGEX",
      description =
          "Which initializers are parameters, by name. Default: all float initializers that the"
              + " output depends on.")
  private String parameters;

  @Option(
      names = "--output",
      paramLabel = "NAME",
      description =
          "Which output is the prediction, if the model has several; once for each --loss of a"
              + " sum.")
  private List<String> outputs = List.of();

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write everything that was measured to this file, as JSON.")
  private Path json;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description =
          "Draw the density and the Ritz values; the name of the file ends with .png or .svg.")
  private Path plot;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description =
          "Write what was found to this HTML file, in sentences and pictures; measures the density"
              + " as well.")
  private Path report;

  @Mixin private VectorOptions vectors = new VectorOptions();

  @Mixin private InfluenceOptions influence = new InfluenceOptions();

  @Option(
      names = "--layers",
      arity = "0..1",
      fallbackValue = "",
      paramLabel = "FILE",
      description =
          "Also measure each tensor by itself: largest eigenvalue, trace, gradient and its noise,"
              + " and what rounding to 8 and 4 bits and pruning half of it would do to the loss."
              + " With a file, write the table as CSV, too.")
  private String layers;

  @Mixin private UpdateOptions update = new UpdateOptions();

  @Override
  public Integer call() throws IOException {
    try (ProgressLine progress = ProgressLine.open()) {
      run(progress);
      return 0;
    } catch (OutOfMemoryError e) {
      throw new UserException(
          "not enough memory (" + e.getMessage() + "); try fewer examples, --lanczos or --probes",
          e);
    }
  }

  /** What is measured, with the axis of the classes in each output. */
  private record Reading(
      OnnxModel model,
      ProbeTargets.Objective objective,
      List<Integer> classAxes,
      List<String> notes) {}

  private Reading read(
      Scope scope, ProbeData data, List<ArrayFile> given, ArrayFile weights, List<String> notes) {
    ProbeTargets wanted = new ProbeTargets(loss, outputs, given, weights);
    OnnxModel read = wanted.read(o -> OnnxModel.read(model, o), options(data), data);
    notes.addAll(wanted.notes());
    return new Reading(read, wanted.objective(scope, read, data), wanted.classAxes(), notes);
  }

  private void run(ProgressLine progress) throws IOException {
    checkOptions();
    checkOutputs();
    progress.stage("reading " + model.getFileName());
    ProbeData data = new ProbeData(inputs, batchAxes, shared);
    int examples = data.examples();
    data.select(selection, seed);
    List<ArrayFile> given =
        targets.stream().map(t -> selection.of(ArrayFile.open(t), examples, seed)).toList();
    try (Scope scope = Scope.open();
        Device device = open()) {
      List<String> notes = new ArrayList<>();
      if (expected != null) {
        notes.add(expectation(data, examples, device));
      }
      Reading read = read(scope, data, given, weights(examples), notes);
      HostBuffer point = read.model().parameters(scope);
      Batch batch = read.objective().batch();
      ProbeRun.Request plan = plan(batch.examples(), update.read(scope, point.size()));
      Network network = read.model().network();
      ProbeRun run =
          new ProbeRun(network, read.objective().loss(), batch, point, device, plan, progress);
      Optional<Reading> others =
          influence.isGiven() ? Optional.of(readOthers(scope, read)) : Optional.empty();
      execute(run, read, others, selection.numbers(examples, seed), scope);
    } catch (IllegalArgumentException e) {
      throw new UserException(e.getMessage(), e);
    }
  }

  /** The examples whose loss is influenced, and the model as it takes them. */
  private Reading readOthers(Scope scope, Reading trained) {
    ProbeData data = new ProbeData(influence.inputs(), batchAxes, shared);
    data.select(new Selection(), seed);
    List<ArrayFile> given = influence.targets().stream().map(ArrayFile::open).toList();
    Reading others;
    try {
      others = read(scope, data, given, null, new ArrayList<>());
      requireSameAxes(trained, others);
    } catch (OnnxException e) {
      throw new UserException("--influence: " + e.getMessage(), e);
    }
    long found = others.model().network().parameterCount();
    long expected = trained.model().network().parameterCount();
    if (found != expected) {
      throw new UserException(
          "--influence: found examples for which the model has "
              + found
              + " parameters, expected "
              + expected
              + " as for --inputs");
    }
    return others;
  }

  /** Targets of another shape must not quietly mean another loss. */
  private static void requireSameAxes(Reading trained, Reading others) {
    if (!trained.classAxes().equals(others.classAxes())) {
      throw new UserException(
          "--influence-targets: found a shape that says that classes lie along another axis than in"
              + " --targets, expected the same axis; --class-axis tells which");
    }
  }

  private void execute(
      ProbeRun run, Reading read, Optional<Reading> others, int[] numbers, Scope scope)
      throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    run.progress().end();
    ProbeReport.header(run, read.model(), model.toString(), read.notes()).forEach(out::println);
    out.flush();
    ProbeRun measured = run;
    Optional<ProbeRun.Found> found;
    try {
      found = measure(run, others, numbers, scope, out);
    } catch (UntrustworthyOperatorException e) {
      measured = inFloat64(run, e, out);
      found = measure(measured, others, numbers, scope, out);
    }
    if (found.isPresent()) {
      ProbeReport.lines(measured, found.get()).forEach(out::println);
      write(measured, found.get(), read.model(), read.notes(), out);
    }
    out.flush();
  }

  /** Files of vectors, influences, and the curvature if more was asked for than those. */
  private Optional<ProbeRun.Found> measure(
      ProbeRun run, Optional<Reading> others, int[] numbers, Scope scope, PrintWriter out)
      throws IOException {
    vectors.write(run, loss.isConvex(), scope, out);
    if (others.isPresent()) {
      influences(run, others.get(), numbers, out);
    }
    boolean stability = run.plan().optimizer().isPresent();
    boolean written = json != null || plot != null || report != null;
    boolean more = density || written || layers != null || stability;
    return more || !vectors.isGiven() && others.isEmpty()
        ? Optional.of(run.measure())
        : Optional.empty();
  }

  private void influences(ProbeRun run, Reading others, int[] numbers, PrintWriter out)
      throws IOException {
    ProbeRun.Matrix matrix = run.plan().matrices().getLast();
    ProbeVectors.Influences found =
        new ProbeVectors(run, matrix)
            .influences(
                others.model().network(),
                others.objective().loss(),
                others.objective().batch(),
                vectors.damping());
    run.progress().end();
    influenced = Optional.of(influence.json(found, numbers, label(matrix), vectors.damping()));
    influence.lines(found, numbers, label(matrix), vectors.damping()).forEach(out::println);
    if (vectors.out() != null) {
      InfluenceOptions.write(vectors.out(), found);
      out.println("wrote " + vectors.out() + ": the changes of all examples");
    }
    out.flush();
  }

  private void write(
      ProbeRun run, ProbeRun.Found found, OnnxModel read, List<String> notes, PrintWriter out)
      throws IOException {
    if (writesLayers()) {
      byte[] text = found.tensors().orElseThrow().csv().getBytes(StandardCharsets.UTF_8);
      WholeFile.write(Path.of(layers), to -> to.write(text));
      out.println("wrote " + layers);
    }
    if (json != null) {
      out.flush();
      byte[] text = ProbeJson.of(run, found, read, influenced).getBytes(StandardCharsets.UTF_8);
      WholeFile.write(json, to -> to.write(text));
      out.println("wrote " + json);
    }
    if (plot != null) {
      Pictures.write(
          plot, SpectrumPlot.of(model.getFileName().toString(), found.density().orElseThrow()));
      out.println("wrote " + plot);
    }
    if (report != null) {
      String page = ProbePage.of(run, found, read, model.getFileName().toString(), notes);
      byte[] text = page.getBytes(StandardCharsets.UTF_8);
      WholeFile.write(report, to -> to.write(text));
      out.println("wrote " + report);
    }
  }

  /** Where float32 contradicts float64, everything is measured again in float64. */
  private static ProbeRun inFloat64(
      ProbeRun run, UntrustworthyOperatorException cause, PrintWriter out) {
    ProbeRun exact = run.inFloat64().orElseThrow(() -> cause);
    run.progress().end();
    out.printf("%-13s%s; measured again in float64%n", "note", cause.getMessage());
    out.flush();
    return exact;
  }

  private boolean writesLayers() {
    return layers != null && !layers.isEmpty();
  }

  private ArrayFile weights(int examples) {
    Path file = loss.exampleWeights();
    return file == null ? null : selection.of(ArrayFile.open(file), examples, seed);
  }

  /** The outputs of the model exactly as it is, against those that its framework gives. */
  private String expectation(ProbeData data, int examples, Device on) {
    OnnxOptions plain = options(data);
    if (!outputs.isEmpty()) {
      plain = plain.withOutput(outputs.getFirst());
    }
    ArrayFile file = selection.of(ArrayFile.open(expected), examples, seed);
    return ProbeExpectation.check(OnnxModel.read(model, plain), data, file, on);
  }

  private OnnxOptions options(ProbeData data) {
    OnnxOptions options = OnnxOptions.DEFAULT.withPadding(!paddingTrains);
    try (Scope scope = Scope.open()) {
      options = data.options(options, scope);
    }
    if (parameters == null) {
      return options;
    }
    try {
      return options.withParameters(Pattern.compile(parameters));
    } catch (PatternSyntaxException e) {
      throw bad("--parameters: found '" + parameters + "', expected a regular expression");
    }
  }

  private ProbeRun.Request plan(int examples, Optional<UpdateOptions.Optimizer> optimizer) {
    List<ProbeRun.Matrix> matrices = new ArrayList<>();
    operators.forEach(o -> matrices.add(choice("--operator", o, ProbeRun.Matrix.values())));
    int size = microBatch == null ? Math.clamp(examples / 2, 1, MICRO_BATCH) : microBatch;
    if (microBatch != null && (size < 1 || 2L * size > examples)) {
      throw bad(
          "--micro-batch: found "
              + size
              + ", expected from 1 to half of the "
              + examples
              + " examples");
    }
    return new ProbeRun.Request(
        matrices,
        choice("--mode", mode, ProbeRun.Mode.values()),
        iterations,
        probes,
        density || plot != null || report != null,
        size,
        seed,
        optimizer,
        layers != null,
        update.objectiveDecay(),
        loss.given(),
        draws == null ? DRAWS : draws);
  }

  private Device open() {
    String name = device == null ? System.getProperty(Devices.DEVICE_PROPERTY, "auto") : device;
    int count = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    try {
      return threads == null && device == null ? Devices.open() : Devices.open(name, count);
    } catch (IllegalArgumentException | IllegalStateException e) {
      String message = e.getMessage();
      throw new UserException(
          device == null
              ? message
              : message.replaceFirst("^" + Devices.DEVICE_PROPERTY + ":", "--backend:"),
          e);
    }
  }

  /** Before anything is read, so that a slip costs no time. */
  private void checkOptions() {
    Bounds.threads(spec, threads);
    Bounds.check(spec, "--lanczos", iterations, 2, MOST_STEPS);
    Bounds.check(spec, "--probes", probes, 2, Bounds.MOST_PROBES);
    Bounds.check(spec, "--micro-batch", microBatch, 1, Integer.MAX_VALUE);
    update.check(spec);
    choice("--mode", mode, ProbeRun.Mode.values());
    Bounds.check(spec, "--draws", draws, 1, MOST_DRAWS);
    ProbeRun.Matrix[] all = ProbeRun.Matrix.values();
    boolean draw =
        operators.stream().anyMatch(o -> choice("--operator", o, all) == ProbeRun.Matrix.FISHER);
    if (draws != null && !draw) {
      throw bad("--draws: found it without --operator fisher, expected both or none");
    }
    vectors.check(spec, operators.size(), influence.isGiven());
    influence.check(spec, targets.size(), operators.size());
    if (plot != null && Pictures.ending(plot).isEmpty()) {
      throw bad("--plot: found " + plot + ", expected a file that ends with .png or .svg");
    }
    loss.check(spec, outputs.size(), targets.size());
    selection.check(spec);
  }

  /** Results need a place of their own, and it has to be there before they are computed. */
  private void checkOutputs() {
    Map<Path, String> taken = new LinkedHashMap<>();
    claim(taken, "--model", model);
    inputs.forEach(i -> claim(taken, "--inputs", ProbeData.file(i)));
    targets.forEach(t -> claim(taken, "--targets", t));
    claim(taken, "--example-weights", loss.exampleWeights());
    loss.weightFiles().forEach((option, file) -> claim(taken, option, file));
    claim(taken, "--expect", expected);
    vectors.read().forEach((option, file) -> claim(taken, option, file));
    influence.inputs().forEach(i -> claim(taken, "--influence", ProbeData.file(i)));
    influence.targets().forEach(t -> claim(taken, "--influence-targets", t));
    claim(taken, "--second-moment", update.input());
    output(taken, "--json", json);
    output(taken, "--plot", plot);
    output(taken, "--report", report);
    vectors.written().forEach((option, file) -> output(taken, option, file));
    output(taken, "--layers", writesLayers() ? Path.of(layers) : null);
  }

  private static String claim(Map<Path, String> taken, String option, Path file) {
    return file == null ? null : taken.put(WholeFile.place(ArrayFile.fileOf(file)), option);
  }

  private void output(Map<Path, String> taken, String option, Path file) {
    if (file == null) {
      return;
    }
    WholeFile.check(file);
    String other = claim(taken, option, file);
    if (other != null && WholeFile.isReplaced(file)) {
      throw bad(option + ": found " + file + " of " + other + ", expected a file of its own");
    }
  }

  static String label(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private <E extends Enum<E>> E choice(String option, String found, E[] values) {
    List<String> names = new ArrayList<>();
    for (E value : values) {
      if (label(value).equals(found.strip().toLowerCase(Locale.ROOT))) {
        return value;
      }
      names.add(label(value));
    }
    throw bad(option + ": found '" + found + "', expected one of " + String.join(", ", names));
  }

  private ParameterException bad(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
