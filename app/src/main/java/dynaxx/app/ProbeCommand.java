package dynaxx.app;

import dynaxx.app.data.NpyFile;
import dynaxx.app.io.WholeFile;
import dynaxx.app.plot.SpectrumPlot;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Shape;
import dynaxx.onnx.OnnxModel;
import dynaxx.onnx.OnnxOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import picocli.CommandLine.Command;
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
  private static final int MOST_PROBES = 1_000_000;

  /** Losses by their names on the command line. */
  enum LossKind {
    CROSS_ENTROPY,
    MSE;

    @Override
    public String toString() {
      return label(this);
    }

    Loss loss() {
      return this == MSE ? Loss.meanSquaredError() : Loss.crossEntropy();
    }
  }

  @Spec private CommandSpec spec;

  @Option(names = "--model", required = true, paramLabel = "FILE", description = "ONNX model.")
  private Path model;

  @Option(
      names = "--inputs",
      required = true,
      paramLabel = "FILE.npy",
      description = "Examples along the first axis: float32, float64, int32, int64 or uint8.")
  private Path inputs;

  @Option(
      names = "--targets",
      required = true,
      paramLabel = "FILE.npy",
      description = "Class numbers for cross-entropy, values for mse.")
  private Path targets;

  @Option(
      names = "--loss",
      required = true,
      paramLabel = "LOSS",
      description = "cross-entropy (of logits; a softmax at the model's end is left out) or mse.")
  private String loss;

  @Option(
      names = "--operator",
      split = ",",
      paramLabel = "MATRIX",
      description =
          "hessian (the default and always measured), gauss-newton, empirical-fisher; several with"
              + " commas.")
  private List<String> operators = List.of("hessian");

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description =
          "certified (default: until converged, with bounds), article (15 Lanczos steps) or cheap.")
  private String mode = "certified";

  @Option(names = "--iterations", paramLabel = "M", description = "Lanczos steps, exactly.")
  private Integer iterations;

  @Option(names = "--probes", paramLabel = "P", description = "Random probes of the trace.")
  private Integer probes;

  @Option(names = "--density", description = "Also estimate the density of the spectrum.")
  private boolean density;

  @Option(
      names = "--micro-batch",
      paramLabel = "B",
      description = "Examples of a micro-batch for the gradient's variance; default: 8.")
  private Integer microBatch;

  @Option(names = "--backend", paramLabel = "NAME", description = "auto (default), cpu or cuda.")
  private String device;

  @Option(names = "--threads", paramLabel = "T", description = "Worker threads on the host.")
  private Integer threads;

  @Option(names = "--seed", paramLabel = "S", description = "Fixes all random choices; default: 1.")
  private long seed = 1;

  @Option(
      names = "--parameters",
      paramLabel = "REGEX",
      description = "Initializers that are parameters; default: all that the output depends on.")
  private String parameters;

  @Option(names = "--output", paramLabel = "NAME", description = "Output, if there are several.")
  private String output;

  @Option(names = "--json", paramLabel = "FILE", description = "Write everything as JSON.")
  private Path json;

  @Option(
      names = "--plot",
      paramLabel = "FILE",
      description = "Draw density and Ritz values; the ending says how: .png or .svg.")
  private Path plot;

  @Option(
      names = "--hvp",
      paramLabel = "V.npy",
      description =
          "Multiply these vectors, [k x n] or [n]: parameters flattened in the file's order.")
  private Path vectors;

  @Option(names = "--out", paramLabel = "HV.npy", description = "Where --hvp writes products.")
  private Path products;

  @Option(names = "--gradient", paramLabel = "G.npy", description = "Write the gradient, too.")
  private Path gradient;

  @Override
  public Integer call() throws IOException {
    checkOutputs();
    try {
      run();
      return 0;
    } catch (OutOfMemoryError e) {
      throw new UserException(
          "not enough memory ("
              + e.getMessage()
              + "); try fewer examples, --iterations or --probes");
    }
  }

  private void run() throws IOException {
    LossKind kind = choice("--loss", loss, LossKind.values());
    NpyFile in = NpyFile.open(inputs);
    NpyFile wanted = NpyFile.open(targets);
    ProbeInputs.requireExamples(in);
    OnnxModel read = OnnxModel.read(model, options(kind, in));
    try (Scope scope = Scope.open();
        Device device = open()) {
      Network network = read.network();
      Batch batch = ProbeInputs.batch(scope, read, kind.loss(), in, wanted);
      ProbeRun.Plan plan = plan(batch.examples());
      HostBuffer point = read.parameters(scope);
      ProbeRun run = new ProbeRun(network, kind.loss(), batch, point, device, plan);
      execute(run, read, scope);
    } catch (IllegalArgumentException e) {
      throw new UserException(e.getMessage());
    }
  }

  private void execute(ProbeRun run, OnnxModel read, Scope scope) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    ProbeReport.header(run, read, model.toString()).forEach(out::println);
    out.flush();
    if (gradient != null) {
      NpyFile.write(gradient, List.of(run.network().parameterCount()), run.gradient(scope));
      out.println("wrote " + gradient);
    }
    if (vectors != null) {
      multiply(run, scope, out);
    }
    boolean measured = density || json != null || plot != null;
    if (!measured && (vectors != null || gradient != null)) {
      out.flush();
      return;
    }
    ProbeRun.Found found = run.measure();
    ProbeReport.lines(run, found).forEach(out::println);
    if (json != null) {
      out.flush();
      byte[] text = ProbeJson.of(run, found, read).getBytes(StandardCharsets.UTF_8);
      WholeFile.write(json, to -> to.write(text));
      out.println("wrote " + json);
    }
    if (plot != null) {
      SpectrumPlot.write(plot, model.getFileName().toString(), found.density().orElseThrow());
      out.println("wrote " + plot);
    }
    out.flush();
  }

  private void multiply(ProbeRun run, Scope scope, PrintWriter out) throws IOException {
    NpyFile given = NpyFile.openVectors(vectors);
    long n = run.network().parameterCount();
    List<Long> shape = given.shape();
    boolean fits =
        (shape.size() == 1 || shape.size() == 2)
            && shape.getLast() == n
            && given.size() > 0
            && given.size() / n <= Integer.MAX_VALUE;
    if (!fits) {
      throw new UserException(
          vectors
              + ": found shape "
              + shape
              + ", expected [k x "
              + n
              + "] or ["
              + n
              + "], n being"
              + " the model's parameters");
    }
    ProbeRun.Matrix matrix = run.plan().matrices().getLast();
    HostBuffer v = given.values(scope);
    int k = (int) (given.size() / n);
    NpyFile.write(products, shape, run.products(matrix, scope, v, k));
    out.println("wrote " + products + ": " + k + " products with " + label(matrix));
  }

  private OnnxOptions options(LossKind kind, NpyFile in) {
    OnnxOptions options = OnnxOptions.DEFAULT.withLogits(kind == LossKind.CROSS_ENTROPY);
    Shape example = ProbeInputs.example(in);
    options = options.withInputShape(example);
    if (output != null) {
      options = options.withOutput(output);
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

  private ProbeRun.Plan plan(int examples) {
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
    return new ProbeRun.Plan(
        matrices,
        choice("--mode", mode, ProbeRun.Mode.values()),
        between("--iterations", iterations, 2, MOST_STEPS),
        between("--probes", probes, 2, MOST_PROBES),
        density || plot != null,
        size,
        seed);
  }

  private Device open() {
    String name = device == null ? System.getProperty(Devices.DEVICE_PROPERTY, "auto") : device;
    between("--threads", threads, 1, Integer.MAX_VALUE);
    int count = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
    try {
      return threads == null && device == null ? Devices.open() : Devices.open(name, count);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new UserException(e.getMessage());
    }
  }

  /** Before anything is computed. */
  private void checkOutputs() {
    if ((vectors == null) != (products == null)) {
      throw bad("--hvp and --out: found one of them, expected both or none");
    }
    if (vectors != null && operators.size() != 1) {
      throw bad("--hvp: found " + operators.size() + " matrices in --operator, expected one");
    }
    if (plot != null && SpectrumPlot.ending(plot).isEmpty()) {
      throw bad("--plot: found " + plot + ", expected a file that ends with .png or .svg");
    }
    for (Path file : new Path[] {json, plot, products, gradient}) {
      if (file != null) {
        WholeFile.check(file);
      }
    }
  }

  private Integer between(String option, Integer value, int least, int most) {
    if (value != null && (value < least || value > most)) {
      throw bad(option + ": found " + value + ", expected from " + least + " to " + most);
    }
    return value;
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
