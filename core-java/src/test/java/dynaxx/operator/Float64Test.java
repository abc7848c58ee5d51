package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.kernel.Scalars;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.ReferenceTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.pass.TangentSweep;
import dynaxx.network.pass.TangentSweep.Kind;
import dynaxx.network.pass.Tape;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole networks in float64 against values that PyTorch computed in float64. */
class Float64Test {

  private static final double TOLERANCE = 1e-13;

  static Stream<KnownCase> cases() {
    return KnownCase.all();
  }

  private record Found(double loss, double[] gradient, double[] products, double[] forms) {}

  private static Found measure(KnownCase c, int threads, int first, int k) {
    try (Device cpu = Devices.cpu(threads);
        Scope scope = Scope.open()) {
      Device device = cpu.float64().orElseThrow();
      try (Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
        hessian.linearize(c.host(scope, "parameters"));
        int n = (int) hessian.dimension();
        double[] probes = Arrays.copyOfRange(c.array("probe"), first * n, (first + k) * n);
        Vectors v = Vectors.of(Numbers.upload(device, scope, probes), k, n);
        Vectors hv = device.vectors(scope, k, n);
        hessian.apply(v, hv);
        return new Found(
            hessian.loss(),
            Numbers.doubles(device, scope, hessian.gradient()),
            Numbers.doubles(device, scope, hv.buffer()),
            hessian.quadraticForm(v));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void reproducesExactCurvature(KnownCase c) {
    Found found = measure(c, 2, 0, 4);
    Worst worst = new Worst(c.name());
    worst.check("loss", c.expected().get("loss").asDouble(), found.loss);
    worst.check("gradient", c.array("gradient"), found.gradient);
    int n = found.gradient.length;
    for (int i = 0; i < 4; i++) {
      double[] product = Arrays.copyOfRange(c.array("hvp"), i * n, (i + 1) * n);
      double[] hv = Arrays.copyOfRange(found.products, i * n, (i + 1) * n);
      worst.check("H v", product, hv);
      // a form may be small beside |v| |H v|, and the terms it is a sum of are not
      double scale = Numbers.norm(product) * Math.sqrt(n);
      double form = c.expected().get("quadratic_forms").get(i).asDouble();
      worst.check("v'Hv", form, found.forms[i], scale);
    }
    System.out.println(worst);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheSameBitsForAnyThreadsAndDirections(KnownCase c) {
    Found one = measure(c, 1, 0, 4);
    for (int threads : new int[] {2, 4}) {
      Found other = measure(c, threads, 0, 4);
      assertEquals(one.loss, other.loss);
      assertArrayEquals(one.gradient, other.gradient);
      assertArrayEquals(one.products, other.products);
      assertArrayEquals(one.forms, other.forms);
    }
    int n = one.gradient.length;
    for (int i = 0; i < 4; i++) {
      Found alone = measure(c, 2, i, 1);
      assertArrayEquals(Arrays.copyOfRange(one.products, i * n, (i + 1) * n), alone.products);
      assertEquals(one.forms[i], alone.forms[0]);
    }
  }

  /** Its parameters and inputs are no float32 values, so they do not go through a Hessian. */
  @ParameterizedTest
  @EnumSource(
      value = Activation.class,
      names = {"GELU", "GELU_TANH"})
  void agreesWithTheReferenceTransformer(Activation gelu) {
    ReferenceTransformer reference = new ReferenceTransformer(gelu);
    JsonNode expected = KnownCase.json("vit_ref.json").get(reference.key());
    Network network = reference.network();
    int n = (int) network.parameterCount();
    Loss loss = Loss.crossEntropy();
    Worst worst = new Worst("reference transformer, " + gelu);
    try (Device cpu = Devices.cpu(2);
        Scope scope = Scope.open()) {
      Device device = cpu.float64().orElseThrow();
      Batch batch =
          new Batch(
              Numbers.upload(device, scope, reference.inputs()),
              Numbers.upload(device, scope, reference.targets()),
              reference.targets().length);
      Vectors v = Vectors.of(Numbers.upload(device, scope, reference.directions()), 3, n);
      Vectors hv = device.vectors(scope, 3, n);
      Buffer gradient = device.allocate(scope, n);
      Scalars forms = device.scalars(scope, 3);
      try (Tape tape = new Tape(network, loss, device, batch.examples());
          TangentSweep products = sweep(network, Kind.PRODUCT, device);
          TangentSweep quadratic = sweep(network, Kind.QUADRATIC, device)) {
        Buffer parameters = Numbers.upload(device, scope, reference.parameters());
        double found = tape.forward(parameters, batch, batch.examples(), Mode.MEASURE);
        tape.backward(gradient);
        products.addProducts(tape, v, hv);
        quadratic.addQuadraticForms(tape, v, forms);
        worst.check("loss", expected.get("loss").asDouble(), found);
        double norm = Math.sqrt(device.algebra().dot(gradient, gradient));
        worst.check("gradient norm", expected.get("gradnorm").asDouble(), norm);
        double[] first = Numbers.doubles(device, scope, hv.vector(0));
        for (int j = 0; j < 5; j++) {
          double entry = expected.get("Hv0_first5").get(j).asDouble();
          worst.check("H v entry", entry, first[j], Numbers.norm(first));
        }
        for (int i = 0; i < 3; i++) {
          double product = Math.sqrt(device.algebra().dot(hv.vector(i), hv.vector(i)));
          worst.check("H v norm", expected.get("Hvnorm").get(i).asDouble(), product);
          worst.check("v'Hv", expected.get("vHv").get(i).asDouble(), forms.read()[i]);
        }
      }
    }
    System.out.println(worst);
  }

  private static TangentSweep sweep(Network network, Kind kind, Device device) {
    return new TangentSweep(network, kind, device, 4, 3);
  }

  /** Relative differences, each checked, the largest of each kind kept for the test report. */
  private static final class Worst {
    private final String name;
    private final Map<String, Double> differences = new LinkedHashMap<>();

    Worst(String name) {
      this.name = name;
    }

    void check(String what, double expected, double found) {
      check(what, expected, found, Math.abs(expected));
    }

    void check(String what, double expected, double found, double scale) {
      check(what, Math.abs(expected - found) / scale);
    }

    void check(String what, double[] expected, double[] found) {
      check(what, Numbers.relativeDifference(expected, found));
    }

    private void check(String what, double difference) {
      differences.merge(what, difference, Math::max);
      if (!(difference <= TOLERANCE)) {
        fail(name + ": " + what + ": relative difference " + difference);
      }
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder("float64, " + name + ":");
      differences.forEach((what, value) -> text.append(" %s %.1e".formatted(what, value)));
      return text.toString();
    }
  }
}
