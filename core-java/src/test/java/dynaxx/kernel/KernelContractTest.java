package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dynaxx.device.Device;
import dynaxx.kernel.Configurations.Configuration;
import dynaxx.testing.Extent;
import dynaxx.testing.TestDevice;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Every kernel on every device against plain loops in double precision, and its promises about
 * bits.
 */
@Tag("kernel")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelContractTest {

  /** Numbers of directions; each of the most has the same bits alone. */
  private static final int[] ON_THE_HOST = {1, 3, 8};

  /** Where blocks of four are one way and the rest another; the first and the last alone. */
  private static final int[] ON_A_DEVICE = {1, 5};

  /**
   * System property: a pattern of the kernels to test, where others are those of another device.
   */
  private static final Pattern KERNELS =
      Pattern.compile(System.getProperty("dynaxx.test.kernels", ".*"));

  private final WorstRatios ratios = new WorstRatios();
  private final List<Device> opened = new ArrayList<>();
  private final Map<Configuration, Device> devices = new LinkedHashMap<>();
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
                AttentionCases.all(),
                RowCases.all(),
                ImageCases.all(),
                ChannelNormCases.all(),
                LossCases.all(),
                RangeCases.all(),
                VectorCases.all())
            .flatMap(List::stream)
            .filter(c -> KERNELS.matcher(c.kernel()).matches())
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

  /**
   * The first configuration of each group agrees with double precision and gives each direction the
   * same bits alone as together; the others, which differ in threads only, give those bits.
   */
  @TestFactory
  Stream<DynamicNode> agreesWithDoublePrecisionInTheSameBits() {
    return perKernel(
        c -> {
          int[] numbers = directions(c);
          double[][] expected = runs(numbers, k -> c.reference().of(0, k));
          Map<String, double[][]> groups = new HashMap<>();
          devices.forEach(
              (at, device) -> {
                double[][] found = runs(numbers, k -> c.run(device, 0, k));
                double[][] first = groups.putIfAbsent(at.group(), found);
                for (int i = 0; i < numbers.length; i++) {
                  String what = c + " on " + at + ", directions " + numbers[i];
                  if (first == null) {
                    ratios.check(c, at, expected[i], found[i]);
                  } else {
                    assertArrayEquals(first[i], found[i], what);
                  }
                }
                if (c.directions() && (first == null || Extent.full())) {
                  assertAloneAsTogether(c, at, device, found[0], found[numbers.length - 1]);
                }
              });
        });
  }

  @Test
  void everyKernelHasACase() {
    assumeTrue(KERNELS.pattern().equals(".*"), "only some kernels are tested");
    Set<Method> called = new HashSet<>();
    cases.values().stream().flatMap(List::stream).forEach(c -> c.run(opened.getFirst(), called));
    assertEquals(Set.of(), NotedCalls.missing(called));
  }

  private static double[][] runs(int[] numbers, IntFunction<double[]> run) {
    return IntStream.of(numbers).mapToObj(run).toArray(double[][]::new);
  }

  private static void assertAloneAsTogether(
      KernelCase c, Configuration at, Device device, double[] one, double[] together) {
    int[] numbers = directions(c);
    int many = numbers[numbers.length - 1];
    int each = together.length / many;
    for (int i = 0; i < many; i += numbers == ON_A_DEVICE ? many - 1 : 1) {
      String what = c + " on " + at.name() + ": direction " + i;
      double[] part = Arrays.copyOfRange(together, i * each, (i + 1) * each);
      double[] alone = i == 0 ? one : c.run(device, i, 1);
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
