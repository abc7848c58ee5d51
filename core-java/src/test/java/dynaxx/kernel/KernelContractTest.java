package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dynaxx.device.Device;
import dynaxx.kernel.Configurations.Configuration;
import dynaxx.testing.Extent;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Every kernel on every backend against plain loops in double precision, and its promises about
 * bits.
 */
@Tag("kernel")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelContractTest {

  /**
   * Numbers of directions; the last ones, taken alone, must have the bits that they have together.
   */
  private static final int[] ON_THE_HOST = {1, 3, 8};

  /** On a device, where a full block of directions and the rest of one take different ways. */
  private static final int[] ON_A_DEVICE = {1, 5};

  private final WorstRatios ratios = new WorstRatios();
  private final List<Device> opened = new ArrayList<>();
  private final Map<Configuration, Device> backends = new LinkedHashMap<>();
  private Map<String, List<KernelCase>> cases;

  @BeforeAll
  void open() {
    for (Configuration c : Configurations.all()) {
      opened.add(c.open().get());
      backends.put(c, c.of(opened.getLast()));
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

  private static int[] directions(KernelCase c) {
    if (!c.directions()) {
      return new int[] {1};
    }
    return TestDevice.isHost() || Extent.full() ? ON_THE_HOST : ON_A_DEVICE;
  }

  /** Each configuration, and to the bit with those that differ in threads only. */
  @TestFactory
  Stream<DynamicNode> agreesWithDoublePrecisionOnAnyNumberOfThreads() {
    return perKernel(
        c -> {
          for (int k : directions(c)) {
            double[] expected = c.reference().of(0, k);
            Map<String, double[]> first = new HashMap<>();
            backends.forEach(
                (at, b) -> {
                  double[] now = c.run(b, 0, k);
                  double[] before = first.putIfAbsent(at.group(), now);
                  if (before == null) {
                    ratios.check(c, at, expected, now);
                  } else {
                    assertArrayEquals(before, now, () -> c + " on " + at + ", directions " + k);
                  }
                });
          }
        });
  }

  /** The number of threads changes no bit, so one for each group of configurations is enough. */
  @TestFactory
  Stream<DynamicNode> givesTheSameBitsForEachDirectionAlone() {
    return perKernel(
        c -> {
          if (c.directions()) {
            Set<String> groups = new HashSet<>();
            backends.forEach(
                (at, b) -> {
                  if (groups.add(at.group()) || Extent.full()) {
                    assertAloneAsTogether(c, at, b);
                  }
                });
          }
        });
  }

  private static void assertAloneAsTogether(KernelCase c, Configuration at, Device backend) {
    int[] numbers = directions(c);
    int many = numbers[numbers.length - 1];
    double[] together = c.run(backend, 0, many);
    int each = together.length / many;
    boolean ends = numbers == ON_A_DEVICE;
    for (int i = 0; i < many; i += ends ? many - 1 : 1) {
      String what = c + " on " + at.name() + ": direction " + i;
      double[] part = Arrays.copyOfRange(together, i * each, (i + 1) * each);
      double[] alone = c.run(backend, i, 1);
      if (TestDevice.vendorProducts() && c.isProduct()) {
        for (int j = 0; j < each; j++) {
          assertEquals(alone[j], part[j], 2 * c.tolerance(alone[j], at.wide()), what);
        }
      } else {
        assertArrayEquals(alone, part, what);
      }
    }
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
