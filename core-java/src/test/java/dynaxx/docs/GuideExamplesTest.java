package dynaxx.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.StepReport;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.EmpiricalFisher;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.Hessian;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The examples of docs/guide.md. What stands between two markers here is what the guide shows, and
 * is no longer than people were promised.
 */
class GuideExamplesTest {

  private static final Path ROOT = Path.of("..");
  private static final Path CORE =
      ROOT.resolve("core-java/src/test/java/dynaxx/docs/GuideExamplesTest.java");
  private static final Path ONNX =
      ROOT.resolve("integrations/onnx/src/test/java/dynaxx/onnx/GuideExampleTest.java");

  /** A host with a loss of sum a_i x_i^2 / 2 + x_i^4 / 12. */
  private static final class Model {
    private final float[] curvatures = {4, 1, 0.5f, -0.25f};
    private final float[] weights = {1, 1, 1, 1};
    private int products;
    private int gradients;

    double step() {
      double loss = 0;
      for (int i = 0; i < weights.length; i++) {
        float x = weights[i];
        loss += curvatures[i] * x * x / 2 + x * x * x * x / 12;
        weights[i] -= 1e-4f * slope(i, x);
      }
      return loss;
    }

    void hessianVectorProduct(float[] v, float[] hv) {
      products++;
      for (int i = 0; i < v.length; i++) {
        hv[i] = (curvatures[i] + weights[i] * weights[i]) * v[i];
      }
    }

    void gradient(float[] parameters, float[] gradient) {
      gradients++;
      for (int i = 0; i < parameters.length; i++) {
        gradient[i] = slope(i, parameters[i]);
      }
    }

    private float slope(int i, float x) {
      return curvatures[i] * x + x * x * x / 3;
    }
  }

  private final Model model = new Model();

  @Test
  void ownProducts() {
    int n = model.weights.length;
    // example: products
    MonitorSink print = record -> record.events().forEach(System.out::println);
    try (Device device = Devices.open();
        PhaseMonitor monitor =
            PhaseMonitor.ofProducts(n, device, model::hessianVectorProduct).sink(print).build()) {
      for (int step = 0; step < 10_000; step++) {
        monitor.afterStep(StepReport.at(step).loss(model.step()));
      }
    }
    // end
    assertTrue(model.products > 100, "products: " + model.products);
  }

  @Test
  void gradientsOnly() {
    float[] weights = model.weights;
    // example: gradients
    MonitorSink print = record -> record.events().forEach(System.out::println);
    try (Device device = Devices.open();
        PhaseMonitor monitor =
            PhaseMonitor.ofGradients(weights, device, model::gradient).sink(print).build()) {
      for (int step = 0; step < 10_000; step++) {
        monitor.afterStep(StepReport.at(step).loss(model.step()));
      }
    }
    // end
    assertTrue(model.gradients > 100, "gradients: " + model.gradients);
  }

  @Test
  void network() {
    try (Scope scope = Scope.open()) {
      HostBuffer parameters = scope.allocate(784 * 32 + 32 + 32 * 10 + 10);
      Mlp.of(Activation.RELU, 784, 32, 10).initialize(parameters, 1);
      measure(scope.allocate(16 * 784), scope.allocate(16), parameters);
    }
  }

  private static void measure(HostBuffer inputs, HostBuffer targets, HostBuffer parameters) {
    // example: network
    NetworkBuilder g = NetworkBuilder.of(Shape.of(784));
    Node hidden = g.relu(g.linear(g.input(), 32, "fc1"));
    Network network = g.build(g.linear(hidden, 10, "fc2"));
    Batch batch = Batch.of(network, Loss.crossEntropy(), inputs, targets);
    try (Device device = Devices.open();
        CurvatureProbe probe = new CurvatureProbe(network, Loss.crossEntropy(), batch, device)) {
      System.out.println(probe.measure(parameters, ProbeSettings.certified()).spectrum().min());
    }
    // end
  }

  @Test
  void sink() {
    // example: sink
    MonitorSink sink =
        record ->
            record.events().stream()
                .filter(event -> event.confidence() > 0.9)
                .forEach(event -> System.err.println(event.step() + " " + event.explanation()));
    // end
    PrintStream usual = System.err;
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    System.setErr(new PrintStream(written, true, StandardCharsets.UTF_8));
    try {
      Event.Evidence none =
          new Event.Evidence(
              1, OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), 7);
      List<Event> events =
          List.of(
              new Event(7, Event.Kind.SPIKE, Signal.LOSS, 0.99, none, "sure"),
              new Event(7, Event.Kind.SPIKE, Signal.LOSS, 0.5, none, "unsure"));
      sink.accept(new MonitorRecord.Notice(7, MonitorRecord.Notice.Kind.FINISH, events));
    } finally {
      System.setErr(usual);
    }
    assertEquals("7 sure", written.toString(StandardCharsets.UTF_8).strip());
  }

  /** Each example once as training and test set: whatever is left out, its own loss grows. */
  @Test
  void otherMatrices() {
    Network network = Mlp.of(Activation.TANH, 3, 4, 2);
    Loss loss = Loss.crossEntropy();
    long seed = 1;
    try (Scope scope = Scope.open();
        Device device = Devices.open()) {
      HostBuffer parameters = scope.allocate(network.parameterCount());
      network.initialize(parameters, seed);
      HostBuffer inputs = scope.allocate(6).put(1, -1, 2, 0.5f, 1, -2);
      Batch batch = Batch.of(network, loss, inputs, scope.allocate(2).put(0, 1));
      showFisher(network, loss, batch, device, parameters, seed);
      try (Hessian hessian = new Hessian(network, loss, batch, device);
          GaussNewton test = new GaussNewton(network, loss, batch.slice(0, 1), device)) {
        hessian.linearize(parameters);
        test.linearize(parameters);
        assertTrue(influences(device, scope, hessian, test, 10)[0] > 0);
      }
    }
  }

  private static void showFisher(
      Network network, Loss loss, Batch batch, Device device, HostBuffer parameters, long seed) {
    // example: fisher
    try (EmpiricalFisher fisher =
        EmpiricalFisher.ofModel(network, loss, batch, device, Limits.DEFAULT, seed, 8)) {
      System.out.println(Arrays.toString(fisher.linearize(parameters).leading(5)));
    }
    // end
  }

  private static double[] influences(
      Device device, Scope scope, Hessian hessian, GaussNewton test, double damping) {
    // example: influence
    Buffer v = device.allocate(scope, hessian.dimension());
    hessian.shifted(damping).solve(test.gradient(), v, 1e-5, 2000);
    double[] changes = hessian.exampleDerivatives(v);
    for (int i = 0; i < changes.length; i++) {
      changes[i] /= changes.length;
    }
    // end
    return changes;
  }

  @ParameterizedTest
  @CsvSource({
    "products, 8, guide",
    "gradients, 10, guide",
    "network, 8, guide",
    "onnx, 6, guide",
    "sink, 5, guide",
    "fisher, 4, guide",
    "influence, 6, losses"
  })
  void pagesShowTheCompiledExamples(String name, int most, String page) throws IOException {
    String compiled = compiled(name.equals("onnx") ? ONNX : CORE, name);
    assertEquals(compiled, shown(ROOT.resolve("docs/" + page + ".md"), name));
    assertTrue(compiled.lines().count() <= most, compiled.lines().count() + " lines: " + name);
  }

  @Test
  void readmeShowsTheFirstOne() throws IOException {
    assertEquals(compiled(CORE, "products"), shown(ROOT.resolve("README.md"), "products"));
  }

  /** Lines between markers; a brace that is left open is closed, as it would be in a method. */
  private static String compiled(Path source, String name) throws IOException {
    Matcher found =
        Pattern.compile("// example: " + name + "\n(.*?)\n *// end", Pattern.DOTALL)
            .matcher(Files.readString(source));
    assertTrue(found.find(), name + " in " + source);
    String body = found.group(1).stripIndent();
    long open = body.chars().filter(c -> c == '{').count();
    long closed = body.chars().filter(c -> c == '}').count();
    return body + "\n}".repeat((int) (open - closed)) + "\n";
  }

  private static String shown(Path page, String name) throws IOException {
    Matcher found =
        Pattern.compile("<!-- example: " + name + " -->\n+```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(page));
    assertTrue(found.find(), name + " in " + page);
    return found.group(1);
  }
}
