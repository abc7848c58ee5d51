package dynaxx.onnx;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Frame;
import dynaxx.network.pass.Tape;
import dynaxx.onnx.ModelFile.Graph;
import dynaxx.onnx.ModelFile.Info;
import dynaxx.onnx.ModelFile.Node;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * Runs tests that are laid out as the ONNX project's backend tests: folders with {@code model.onnx}
 * and {@code test_data_set_K/input_J.pb} and {@code output_J.pb}. Inputs of floats become
 * parameters, so that the derivatives of an operator can be checked too; other inputs are
 * constants. An output agrees if it differs by at most 1e-7 + 1e-3 |expected|, as the project's own
 * runner has it, or by 1e-6 of its largest value, which is the rounding of sums; for bfloat16,
 * which is computed in float32 here, by 1/128 |expected|.
 */
public final class Conformance {

  private static final double ABSOLUTE = 1e-7;
  private static final double RELATIVE = 1e-3;
  private static final double ROUNDING = 1e-6;

  /** For bfloat16, which has eight bits. */
  private static final double COARSE = 0x1p-7;

  private static final long SECONDS = 10;
  private static final double STEP = 1e-4;
  private static final double BESIDE = 0.01;

  /** Parameters up to which derivatives are compared with differences. */
  private static final long MOST_PARAMETERS = 20_000;

  private Conformance() {}

  /** How a test ended. */
  public enum Verdict {
    /** All outputs agree. */
    AGREES,
    /** It is not supported, and says so. */
    REFUSED,
    /** An output or a derivative differs, or it ended in an unexpected way or not in time. */
    WRONG
  }

  /**
   * The result of one test.
   *
   * @param name of its folder
   * @param operator the operator of its only node, or of the test that it is the expansion of
   * @param expanded whether it is a graph of several nodes
   * @param floats whether all its outputs, and at least one of its inputs, are floats
   * @param verdict how it ended
   * @param reason why, empty if it agrees
   * @param seconds that it took
   * @param derivatives largest difference of a gradient and a Hessian's quadratic form from
   *     differences of the loss, in units of what rounding allows; empty if not checked
   */
  public record Outcome(
      String name,
      String operator,
      boolean expanded,
      boolean floats,
      Verdict verdict,
      String reason,
      double seconds,
      OptionalDouble derivatives) {}

  /**
   * Runs all tests below a folder.
   *
   * @param folder the tests' folder, or one above it
   * @param derivatives whether gradients and quadratic forms of the Hessian are compared with
   *     differences in float64
   * @return in the order of their names
   * @throws IOException if the folder cannot be read
   */
  public static List<Outcome> run(Path folder, boolean derivatives) throws IOException {
    List<Path> tests;
    try (Stream<Path> all = Files.walk(folder)) {
      tests =
          all.filter(
                  p -> p.getFileName() != null && p.getFileName().toString().equals("model.onnx"))
              .map(Path::getParent)
              .filter(Objects::nonNull)
              .sorted()
              .toList();
    }
    List<Outcome> outcomes = new ArrayList<>();
    ExecutorService runner = runner();
    try (Device device = Devices.cpu(1)) {
      for (Path test : tests) {
        Future<Outcome> result = runner.submit(() -> one(test, device, derivatives));
        try {
          outcomes.add(result.get(SECONDS, TimeUnit.SECONDS));
        } catch (TimeoutException e) {
          outcomes.add(failed(test, "it took longer than " + SECONDS + " s", SECONDS));
          runner.shutdownNow();
          runner = runner();
        } catch (ExecutionException e) {
          outcomes.add(failed(test, "it ended with " + e.getCause(), 0));
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          break;
        }
      }
    } finally {
      runner.shutdownNow();
    }
    return outcomes;
  }

  private static ExecutorService runner() {
    return Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
  }

  private static Outcome failed(Path test, String reason, double seconds) {
    String name = String.valueOf(test.getFileName());
    return new Outcome(
        name, name, false, false, Verdict.WRONG, reason, seconds, OptionalDouble.empty());
  }

  private static Outcome one(Path test, Device device, boolean derivatives) {
    long start = System.nanoTime();
    Test found = new Test(test, device, derivatives);
    Verdict verdict = Verdict.AGREES;
    String reason = "";
    try (ExternalFiles external = new ExternalFiles(test.resolve("model.onnx"))) {
      Optional<String> difference = found.run(external);
      if (difference.isPresent()) {
        verdict = Verdict.WRONG;
        reason = difference.get();
      }
    } catch (OnnxException e) {
      verdict = e.getCause() == null ? Verdict.REFUSED : Verdict.WRONG;
      reason = e.getMessage();
    } catch (RuntimeException | IOException | StackOverflowError | OutOfMemoryError e) {
      verdict = Verdict.WRONG;
      reason = "it ended with " + e;
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Outcome(
        String.valueOf(test.getFileName()),
        found.operator,
        found.expanded,
        found.floats,
        verdict,
        reason,
        seconds,
        found.worst < 0 ? OptionalDouble.empty() : OptionalDouble.of(found.worst));
  }

  /** One test while it runs. */
  private static final class Test {

    private final Path folder;
    private final Device device;
    private final boolean checked;
    private String operator;
    private boolean expanded;
    private boolean floats;
    private double worst = -1;

    Test(Path folder, Device device, boolean checked) {
      this.folder = folder;
      this.device = device;
      this.checked = checked;
      this.operator = String.valueOf(folder.getFileName());
    }

    /** The first difference, if there is one. */
    Optional<String> run(ExternalFiles external) throws IOException {
      ModelFile file = ModelReader.read(folder.resolve("model.onnx"), Integer.MAX_VALUE, external);
      describe(file.graph());
      List<Path> sets;
      try (Stream<Path> all = Files.list(folder)) {
        sets =
            all.filter(p -> p.getFileName().toString().startsWith("test_data_set_"))
                .sorted()
                .toList();
      }
      if (sets.isEmpty()) {
        throw new OnnxException("found no test_data_set_0, expected inputs and outputs");
      }
      for (Path set : sets) {
        Optional<String> difference = run(file, set, external);
        if (difference.isPresent()) {
          return difference;
        }
      }
      return Optional.empty();
    }

    private void describe(Graph graph) {
      List<Node> nodes = graph.nodes();
      expanded = nodes.size() != 1;
      String name = operator.replaceFirst("_expanded.*$", "");
      operator = expanded ? name.replaceFirst("^test_", "") : nodes.getFirst().op();
      boolean in = graph.inputs().stream().anyMatch(i -> StoredTensor.isFloat(i.type()));
      floats = in && graph.outputs().stream().allMatch(o -> StoredTensor.isFloat(o.type()));
    }

    private Optional<String> run(ModelFile file, Path set, ExternalFiles external)
        throws IOException {
      Graph graph = file.graph();
      List<StoredTensor> tensors = new ArrayList<>(graph.initializers());
      for (int i = 0; i < graph.inputs().size(); i++) {
        Info info = graph.inputs().get(i);
        Path data = set.resolve("input_" + i + ".pb");
        if (info.type() == 0) {
          throw new OnnxException(
              "input '" + info.name() + "': found a sequence or an optional, expected a tensor");
        }
        if (Files.exists(data)) {
          StoredTensor read = ModelReader.tensor(data, external);
          tensors.removeIf(t -> t.name().equals(info.name()));
          tensors.add(read.named(info.name()));
        }
      }
      Graph fixed =
          new Graph(graph.nodes(), tensors, List.of(), graph.outputs(), Map.of(), Map.of());
      ModelFile model = new ModelFile(file.opsets(), fixed, file.functions());
      for (int i = 0; i < graph.outputs().size(); i++) {
        Path data = set.resolve("output_" + i + ".pb");
        if (!Files.exists(data) || graph.outputs().get(i).name().isEmpty()) {
          continue;
        }
        if (graph.outputs().get(i).type() == 0) {
          throw new OnnxException("found an output that is a sequence, expected tensors");
        }
        StoredTensor stored = ModelReader.tensor(data, external);
        double relative = stored.type() == StoredTensor.BFLOAT16 ? COARSE : RELATIVE;
        Optional<String> difference =
            compare(model, graph.outputs().get(i).name(), stored.tensor(), relative);
        if (difference.isPresent()) {
          return difference;
        }
      }
      return Optional.empty();
    }

    private Optional<String> compare(
        ModelFile model, String output, Tensor expected, double relative) {
      OnnxOptions options = OnnxOptions.DEFAULT.withOutput(output);
      Importer.Evaluation found = new Importer(model, options).evaluate();
      String label = "output '" + output + "': ";
      if (!Arrays.equals(found.dims(), expected.dims())) {
        return Optional.of(
            label
                + "found shape "
                + Arrays.toString(found.dims())
                + ", expected "
                + Arrays.toString(expected.dims()));
      }
      double[] values = values(found, expected.count());
      double rounding = ABSOLUTE + ROUNDING * largest(expected);
      for (int i = 0; i < values.length; i++) {
        double right = expected.isFloat() ? expected.number(i) : expected.whole(i);
        if (!near(values[i], right, relative, rounding)) {
          return Optional.of(label + "found " + values[i] + " at " + i + ", expected " + right);
        }
      }
      if (checked
          && found.network() != null
          && expected.isFloat()
          && !found.parameters().containsKey("")) {
        double ratio = derivatives(found);
        worst = Math.max(worst, ratio);
        if (ratio > 1) {
          return Optional.of(label + "derivatives differ by " + ratio + " times what is allowed");
        }
      }
      return Optional.empty();
    }

    private static double largest(Tensor expected) {
      double largest = 0;
      for (int i = 0; expected.isFloat() && i < expected.stored(); i++) {
        double size = Math.abs(expected.number(i));
        largest = Double.isFinite(size) ? Math.max(largest, size) : largest;
      }
      return largest;
    }

    private static boolean near(double found, double right, double relative, double rounding) {
      if (Double.isNaN(right) || Double.isInfinite(right)) {
        return Double.compare(found, right) == 0;
      }
      return Math.abs(found - right) <= rounding + relative * Math.abs(right);
    }

    private double[] values(Importer.Evaluation found, int count) {
      double[] values = new double[count];
      if (found.network() == null) {
        Tensor t = found.values();
        Arrays.setAll(values, i -> t.isFloat() ? t.number(i) : t.whole(i));
        return values;
      }
      Network network = found.network();
      Loss loss = Loss.meanSquaredError();
      try (Scope scope = Scope.open();
          Tape tape = new Tape(network, loss, device, 1)) {
        Batch batch = batch(scope, network, new float[count]);
        tape.forward(
            device.upload(scope, parameters(scope, found).segment()),
            batch.on(device, scope),
            1,
            Frame.Mode.MEASURE);
        HostBuffer output = scope.allocate(count);
        device.download(tape.output().slice(0, count), output.segment());
        Arrays.setAll(values, output::get);
      }
      return values;
    }

    private static Batch batch(Scope scope, Network network, float[] targets) {
      HostBuffer input = scope.allocate(network.inputShape().size());
      return Batch.of(
          network, Loss.meanSquaredError(), input, scope.allocate(targets.length).put(targets));
    }

    private static HostBuffer parameters(Scope scope, Importer.Evaluation found) {
      HostBuffer values = scope.allocate(found.network().parameterCount());
      Map<String, Tensor> tensors = found.parameters();
      for (Parameter p : found.network().parameters()) {
        Tensor t = tensors.get(p.name());
        for (int i = 0; i < p.size(); i++) {
          values.set(p.offset() + i, t.number(i));
        }
      }
      return values;
    }

    /**
     * Gradient along a direction and quadratic form of the squared error from a random target, by
     * differences of fourth order in float64, at a point a little beside the test's, which often is
     * at a kink. Kinks within the step are what may differ; the best of three steps decides.
     * Negative if it cannot be checked, as where an output is infinite.
     */
    private double derivatives(Importer.Evaluation found) {
      Network network = found.network();
      long n = network.parameterCount();
      if (n > MOST_PARAMETERS) {
        return -1;
      }
      Random random = new Random(7);
      float[] targets = new float[Math.toIntExact(network.outputShape().size())];
      double[] v = new double[(int) n];
      for (int i = 0; i < targets.length; i++) {
        targets[i] = (float) random.nextGaussian();
      }
      for (int i = 0; i < v.length; i++) {
        v[i] = random.nextGaussian() / Math.sqrt(v.length);
      }
      double best = Double.POSITIVE_INFINITY;
      try {
        for (double step : new double[] {STEP, STEP / 4, STEP * 8}) {
          best = Math.min(best, derivatives(found, targets, v, step));
        }
      } catch (NonFiniteException e) {
        return -1;
      }
      return best;
    }

    private double derivatives(
        Importer.Evaluation found, float[] targets, double[] v, double step) {
      Device exact = device.float64().orElseThrow();
      Network network = found.network();
      Loss loss = Loss.meanSquaredError();
      try (Scope scope = Scope.open();
          Hessian hessian = new Hessian(network, loss, batch(scope, network, targets), exact)) {
        HostBuffer point = parameters(scope, found);
        Random beside = new Random(11);
        for (long i = 0; i < point.size(); i++) {
          double shift = BESIDE * (1 + Math.abs(point.get(i))) * beside.nextDouble();
          point.set(i, (float) (point.get(i) - Math.copySign(shift, point.get(i))));
        }
        HostBuffer direction = scope.allocate(v.length);
        for (int i = 0; i < v.length; i++) {
          direction.set(i, (float) v[i]);
        }
        Buffer d = exact.upload(scope, direction.segment());
        Buffer at = exact.upload(scope, point.segment());
        double[] l = new double[5];
        for (int i = 0; i < l.length; i++) {
          Buffer moved = exact.vectors(scope, 1, v.length).vector(0);
          exact.algebra().copy(at, moved);
          exact.algebra().axpby((i - 2) * step, d, 1, moved);
          hessian.linearize(moved);
          l[i] = hessian.loss();
        }
        double slope = (8 * (l[3] - l[1]) - (l[4] - l[0])) / (12 * step);
        double bend = (16 * (l[3] + l[1]) - (l[4] + l[0]) - 30 * l[2]) / (12 * step * step);
        hessian.linearize(at);
        double along = exact.algebra().dot(hessian.gradient(), d);
        double form = hessian.quadraticForm(Vectors.of(d, 1, v.length))[0];
        Vectors product = exact.vectors(scope, 1, v.length);
        hessian.apply(Vectors.of(d, 1, v.length), product);
        double other = exact.algebra().dot(product.vector(0), d);
        double size = Math.abs(l[2]) + 0.1;
        double first = Math.abs(slope - along) / (1e-5 * (Math.abs(along) + size));
        double second = Math.abs(bend - form) / (1e-3 * (Math.abs(form) + size));
        double third = Math.abs(form - other) / (1e-8 * (Math.abs(form) + size));
        return Math.max(first, Math.max(second, third));
      }
    }
  }
}
