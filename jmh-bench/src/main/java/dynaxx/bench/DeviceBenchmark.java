package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What all benchmarks on a device share. Three processes, because the JIT compiles the Vector API
 * in different ways: {@code scripts/compare-benchmarks --forks} counts the processes that deviate.
 */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 5)
@Measurement(iterations = 4, time = 5)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "-Xms2g"
    })
public abstract class DeviceBenchmark {

  /** {@code auto}, what a host gets; {@code java}, {@code native} or {@code cuda}. */
  @Param("auto")
  public String implementation;

  /** Owns data and vectors. */
  final Scope scope = Scope.open();

  /** Where the benchmark computes. */
  Device device;

  /** Subclasses begin their setup with it. */
  final void openDevice() {
    switch (implementation) {
      case "auto" -> {}
      case "cuda" -> System.setProperty(Devices.DEVICE_PROPERTY, "cuda");
      case "native" -> cpu("auto");
      case "java" -> cpu("off");
      default ->
          throw new IllegalArgumentException(
              "implementation: found '"
                  + implementation
                  + "', expected auto, java, native or cuda");
    }
    device = Devices.open();
    String description = device.description();
    System.out.println(description);
    if (implementation.equals("native") && !description.contains("in C")) {
      throw new IllegalStateException("implementation native: found " + description);
    }
  }

  private static void cpu(String products) {
    System.setProperty(Devices.DEVICE_PROPERTY, "cpu");
    System.setProperty("dynaxx.cpu.native", products);
  }

  /** Frees what the scope owns, then the device. */
  @TearDown(Level.Trial)
  public void close() {
    scope.close();
    device.close();
  }
}
