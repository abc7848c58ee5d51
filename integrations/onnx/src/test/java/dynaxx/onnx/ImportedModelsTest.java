package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import dynaxx.onnx.TestModel.Array;
import dynaxx.operator.Hessian;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Imported networks in float64 against an independent interpreter of the same graph: the loss, and
 * its first and second derivative along random directions by differences of fourth order.
 */
class ImportedModelsTest {

  private static final int EXAMPLES = 3;
  private static final double STEP = 1e-4;

  /** Constants are folded in float32, as in ONNX. */
  private static final double FOLDED = 2e-7;

  @TempDir private Path folder;

  /** Which initializers are parameters; the others are constants of the network. */
  enum Trained {
    ALL,
    EVEN,
    ODD,
    ONE
  }

  /** As fused layers and as plain ops, with some or all initializers as parameters. */
  static Stream<Arguments> models() {
    return Models.all().entrySet().stream()
        .flatMap(
            model ->
                Arrays.stream(Trained.values())
                    .filter(t -> !names(model.getValue(), t).isEmpty())
                    .flatMap(
                        t ->
                            Stream.of(
                                Arguments.of(model.getKey(), true, t),
                                Arguments.of(model.getKey(), false, t))));
  }

  @ParameterizedTest(name = "{0}, fused {1}, {2}")
  @MethodSource("models")
  void agreesWithTheInterpreter(String name, boolean fused, Trained trained) {
    TestModel model = Models.all().get(name);
    OnnxOptions options = OnnxOptions.DEFAULT.withFused(fused);
    List<String> names = names(model, trained);
    if (trained != Trained.ALL) {
      String any = names.stream().map(Pattern::quote).collect(Collectors.joining("|"));
      options = options.withParameters(Pattern.compile(any));
    }
    OnnxModel read = OnnxModel.read(model.write(folder), options);
    Network network = read.network();
    Random random = new Random(99);
    Array input = input(model, random);
    double[] targets = new double[(int) (EXAMPLES * network.outputShape().size())];
    Arrays.setAll(targets, i -> (float) random.nextGaussian());
    double[] v = new double[(int) network.parameterCount()];
    Arrays.setAll(v, i -> (float) (random.nextGaussian() / Math.sqrt(v.length)));
    double[] l = new double[5];
    Arrays.setAll(l, i -> loss(model, network, input, targets, v, (i - 2) * STEP));
    double slope = (8 * (l[3] - l[1]) - (l[4] - l[0])) / (12 * STEP);
    double curvature = (16 * (l[3] + l[1]) - (l[4] + l[0]) - 30 * l[2]) / (12 * STEP * STEP);
    try (Scope scope = Scope.open();
        Device cpu = Devices.cpu(2)) {
      Device exact = cpu.float64().orElseThrow();
      Batch batch =
          Batch.of(
              network,
              Loss.meanSquaredError(),
              Cases.host(scope, input.values()),
              Cases.host(scope, targets));
      try (Hessian hessian = new Hessian(network, Loss.meanSquaredError(), batch, exact)) {
        hessian.linearize(read.parameters(scope));
        HostBuffer direction = Cases.host(scope, v);
        Buffer d = exact.upload(scope, direction.segment());
        assertEquals(l[2], hessian.loss(), FOLDED * Math.abs(l[2]), "loss");
        double along = exact.algebra().dot(hessian.gradient(), d);
        assertEquals(slope, along, 1e-6 * (Math.abs(slope) + 0.01), "gradient");
        double form = hessian.quadraticForm(Vectors.of(d, 1, v.length))[0];
        assertEquals(curvature, form, 1e-4 * (Math.abs(curvature) + 0.1), "v'Hv");
        Vectors product = exact.vectors(scope, 1, v.length);
        hessian.apply(Vectors.of(d, 1, v.length), product);
        assertEquals(
            form, exact.algebra().dot(product.vector(0), d), 1e-9 * (Math.abs(form) + 1e-3), "Hv");
      }
    }
    assertEquals(names, network.parameters().stream().map(Parameter::name).toList());
  }

  /** Float initializers in the file's order, all but the statistics and the exponent. */
  private static List<String> names(TestModel model, Trained trained) {
    List<String> all =
        model.initializers().entrySet().stream()
            .filter(e -> !e.getValue().whole())
            .map(Map.Entry::getKey)
            .filter(n -> !n.contains("running") && !n.equals("exponent") && !n.equals("scales"))
            .toList();
    return IntStream.range(0, all.size())
        .filter(
            i ->
                switch (trained) {
                  case ALL -> true;
                  case EVEN -> i % 2 == 0;
                  case ODD -> i % 2 == 1;
                  case ONE -> i == all.size() / 2;
                })
        .mapToObj(all::get)
        .toList();
  }

  private static Array input(TestModel model, Random random) {
    long[] dims = Dims.with(model.inputDims(), 0, EXAMPLES);
    double[] values = new double[(int) Dims.size(dims)];
    Arrays.setAll(
        values, i -> model.takesTokens() ? random.nextInt(6) : (float) random.nextGaussian());
    return new Array(dims, values, model.takesTokens());
  }

  private static double loss(
      TestModel model, Network network, Array input, double[] targets, double[] v, double step) {
    Map<String, Array> values = new LinkedHashMap<>(model.initializers());
    for (Parameter p : network.parameters()) {
      Array before = values.get(p.name());
      double[] moved = before.values().clone();
      for (int i = 0; i < moved.length; i++) {
        moved[i] += step * v[(int) p.offset() + i];
      }
      values.put(p.name(), new Array(before.dims(), moved, false));
    }
    double[] z = predictions(model, values, input);
    assertTrue(z.length == targets.length, "predictions");
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += (z[i] - targets[i]) * (z[i] - targets[i]);
    }
    return sum / z.length;
  }

  /** All examples at once, or one by one where the file is fixed to one. */
  private static double[] predictions(TestModel model, Map<String, Array> values, Array input) {
    if (model.inputDims()[0] != 1) {
      return Reference.run(model, values, input).values();
    }
    return IntStream.range(0, EXAMPLES)
        .mapToObj(e -> Reference.run(model, values, Reference.cut(input, 0, e, 1, 1)).values())
        .flatMapToDouble(Arrays::stream)
        .toArray();
  }
}
