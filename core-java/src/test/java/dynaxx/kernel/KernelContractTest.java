package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dynaxx.device.Device;
import dynaxx.kernel.Configurations.Configuration;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Every kernel on every device against plain loops in double precision, and its promises about
 * bits.
 */
@Tag("kernel")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelContractTest {

  private static final int MANY = 8;

  private final WorstRatios ratios = new WorstRatios();
  private final List<Device> opened = new ArrayList<>();
  private final Map<Configuration, Device> devices = new LinkedHashMap<>();
  private final Map<String, double[]> references = new HashMap<>();
  private Map<String, List<KernelCase>> cases;

  @BeforeAll
  void open() {
    for (Configuration c : Configurations.all()) {
      opened.add(c.open().get());
      devices.put(c, c.of(opened.getLast()));
    }
    cases =
        Stream.of(
                MatrixCases.all(),
                ActivationCases.all(),
                NormCases.all(),
                SoftmaxCases.all(),
                RowCases.all(),
                ImageCases.all(),
                ChannelNormCases.all(),
                LossCases.all(),
                VectorCases.all())
            .flatMap(List::stream)
            .collect(
                Collectors.groupingBy(KernelCase::kernel, LinkedHashMap::new, Collectors.toList()));
  }

  @AfterAll
  void close() {
    opened.forEach(Device::close);
    System.out.println(ratios.summary());
  }

  @TestFactory
  Stream<DynamicNode> agreesWithDoublePrecision() {
    return perKernel(
        c -> {
          for (int k : c.directions() ? new int[] {1, 3, MANY} : new int[] {1}) {
            double[] expected = reference(c, k);
            devices.forEach((at, b) -> ratios.check(c, at, expected, c.run(b, 0, k)));
          }
        });
  }

  @TestFactory
  Stream<DynamicNode> givesTheSameBitsOnAnyNumberOfThreads() {
    return perKernel(
        c -> {
          Map<String, double[]> first = new HashMap<>();
          devices.forEach(
              (at, b) -> {
                double[] now = c.run(b, 0, 3);
                double[] before = first.putIfAbsent(at.group(), now);
                if (before != null) {
                  assertArrayEquals(before, now, () -> c + " on " + at);
                }
              });
        });
  }

  @TestFactory
  Stream<DynamicNode> givesTheSameBitsForEachDirectionAlone() {
    return perKernel(
        c -> {
          if (c.directions()) {
            devices.forEach((at, b) -> assertAloneAsTogether(c, at, b));
          }
        });
  }

  private static void assertAloneAsTogether(KernelCase c, Configuration at, Device device) {
    double[] together = c.run(device, 0, MANY);
    int each = together.length / MANY;
    for (int i = 0; i < MANY; i++) {
      String what = c + " on " + at.name() + ": direction " + i;
      double[] part = Arrays.copyOfRange(together, i * each, (i + 1) * each);
      double[] alone = c.run(device, i, 1);
      if (TestDevice.vendorProducts() && c.isProduct()) {
        for (int j = 0; j < each; j++) {
          assertEquals(alone[j], part[j], 2 * c.tolerance(alone[j], at.wide()), what);
        }
      } else {
        assertArrayEquals(alone, part, what);
      }
    }
  }

  private double[] reference(KernelCase c, int k) {
    return references.computeIfAbsent(
        c + " " + k + " " + System.identityHashCode(c), key -> c.reference().of(0, k));
  }

  private interface Check {
    void run(KernelCase c);
  }

  private Stream<DynamicNode> perKernel(Check check) {
    List<DynamicNode> nodes = new ArrayList<>();
    cases.forEach(
        (kernel, uses) ->
            nodes.add(
                dynamicContainer(
                    kernel, uses.stream().map(c -> dynamicTest(c.label(), () -> check.run(c))))));
    return nodes.stream();
  }
}
