package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.SequentialBlock;
import ai.djl.training.loss.Loss;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Products through the engine leave nothing behind. A vector has 0.14 MB here. */
class MemoryTest {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final double MOST_MEGABYTES = 32;

  private interface Check {
    void run(NDManager manager, Block block, NDList data, NDList labels, Device device)
        throws IOException;
  }

  private static void with(Check check) throws IOException {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1)) {
      Block block =
          new SequentialBlock()
              .add(Blocks.linear(256))
              .add(Activation.swishBlock(1.5f))
              .add(Blocks.linear(4));
      NDList data = new NDList(manager.randomNormal(new Shape(8, 128)));
      NDList labels = new NDList(manager.zeros(new Shape(8)));
      block.initialize(manager, DataType.FLOAT32, new Shape(8, 128));
      check.run(manager, block, data, labels, device);
    }
  }

  /** A JVM of its own, whose heap is all resident from the start: what grows is native memory. */
  @Test
  void memoryIsFlat() throws IOException, InterruptedException {
    assumeTrue(Files.isReadable(STATUS), "the resident memory is read from /proc, as on Linux");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xms256m",
                "-Xmx256m",
                "-XX:+AlwaysPreTouch",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path"))));
    for (String name :
        List.of(
            "ai.djl.offline", "OPT_OUT_TRACKING", "DJL_CACHE_DIR", "ai.djl.pytorch.num_threads")) {
      command.add("-D" + name + "=" + System.getProperty(name, ""));
    }
    command.add(MemoryTest.class.getName());
    Process child = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), output);
    output.lines().filter(line -> line.contains(" MB ")).forEach(System.out::println);
  }

  /** The child. */
  public static void main(String[] arguments) throws IOException {
    with(
        (manager, block, data, labels, device) -> {
          int arrays = manager.getManagedArrays().size();
          try (Scope scope = Scope.open();
              DjlHessian hessian = hessian(block, data, labels, device)) {
            int recorded = manager.getManagedArrays().size();
            Vectors v = device.vectors(scope, 1, hessian.dimension());
            Vectors hv = device.vectors(scope, 1, hessian.dimension());
            device.algebra().rademacher(1, 0, v);
            requireFlat("products", 10_000, () -> hessian.apply(v, hv));
            requireEqual(recorded, manager.getManagedArrays().size());
          }
          requireFlat("recordings", 500, () -> hessian(block, data, labels, device).close());
          requireEqual(arrays, manager.getManagedArrays().size());
        });
  }

  private static void requireFlat(String what, int times, Runnable work) throws IOException {
    repeat(times / 10, work);
    double before = residentMegabytes();
    repeat(times, work);
    double after = residentMegabytes();
    System.out.printf("%d %s: %.0f MB before, %.0f MB after%n", times, what, before, after);
    if (after - before > MOST_MEGABYTES) {
      throw new IllegalStateException(what + " leave memory behind");
    }
  }

  private static void repeat(int times, Runnable work) {
    for (int i = 0; i < times; i++) {
      work.run();
    }
  }

  private static void requireEqual(int expected, int found) {
    if (expected != found) {
      throw new IllegalStateException("manager: found " + found + " arrays, expected " + expected);
    }
  }

  private static double residentMegabytes() throws IOException {
    System.gc();
    return Files.readAllLines(STATUS).stream()
        .filter(line -> line.startsWith("VmRSS"))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
        .findFirst()
        .orElseThrow();
  }

  private static DjlHessian hessian(Block block, NDList data, NDList labels, Device device) {
    return new DjlHessian(block, Loss.softmaxCrossEntropyLoss(), data, labels, device);
  }

  @Test
  void gradientsOfTheBlockStayAsTheyAre() throws IOException {
    with(
        (manager, block, data, labels, device) -> {
          NDArray weight = block.getParameters().get(0).getValue().getArray();
          float[] before = weight.getGradient().toFloatArray();
          try (Scope scope = Scope.open();
              DjlHessian hessian = hessian(block, data, labels, device)) {
            Vectors v = device.vectors(scope, 1, hessian.dimension());
            hessian.apply(v, device.vectors(scope, 1, hessian.dimension()));
          }
          assertArrayEquals(before, weight.getGradient().toFloatArray());
        });
  }

  @Test
  void parametersMustStayUntilItIsClosed() throws IOException {
    with(
        (manager, block, data, labels, device) -> {
          try (Scope scope = Scope.open();
              DjlHessian hessian = hessian(block, data, labels, device)) {
            Vectors v = device.vectors(scope, 1, hessian.dimension());
            Vectors hv = device.vectors(scope, 1, hessian.dimension());
            try (NDArray alias =
                block.getParameters().get(2).getValue().getArray().stopGradient()) {
              alias.addi(1);
            }
            Exception e = assertThrows(Exception.class, () -> hessian.apply(v, hv));
            assertTrue(e.getMessage().contains("modified by an inplace operation"), e::toString);
          }
        });
  }
}
