package dynaxx.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.device.cpu.NativeKernels.Precision;
import dynaxx.memory.Scope;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.KnownCase;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Extreme eigenvalues by products of bfloat16 parts, against those of PyTorch in float64. */
@EnabledIfSystemProperty(
    named = "dynaxx.cpu.library",
    matches = ".*emulated.*",
    disabledReason = "runs with the library in which the matrix unit is emulated")
class SplitCasesTest {

  static Stream<Arguments> cases() {
    return Stream.of(Precision.BF16X3, Precision.BF16X6)
        .flatMap(p -> KnownCase.all().map(c -> Arguments.of(p, c)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void eigenvaluesAreWithinTheStatedNoise(Precision precision, KnownCase c) {
    JsonNode expected = c.expected();
    double largest = expected.get("lambda_max").asDouble();
    double smallest = expected.get("lambda_min").asDouble();
    try (Device device = open(precision);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      assertEquals(precision.unitRoundoff(), device.unitRoundoff());
      hessian.linearize(c.host(scope, "parameters"));
      Lanczos.Result found = Lanczos.fixed(80).withSeed(7).run(hessian);
      assertTrue(found.max().noiseFloor() < 3e-3 * largest, "a floor that says nothing");
      double allowed = 1e-5 * largest + found.max().noiseFloor();
      assertEquals(largest, found.max().value(), allowed);
      assertEquals(smallest, found.min().value(), allowed + found.min().residual().orElse(0));
    }
  }

  private static Device open(Precision precision) {
    System.setProperty(Devices.CPU_PRECISION_PROPERTY, precision.toString());
    try {
      return Devices.cpu(2);
    } finally {
      System.clearProperty(Devices.CPU_PRECISION_PROPERTY);
    }
  }
}
