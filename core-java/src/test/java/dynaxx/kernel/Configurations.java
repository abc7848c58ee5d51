package dynaxx.kernel;

import dynaxx.device.Device;
import dynaxx.device.DeviceProvider;
import dynaxx.device.Devices;
import dynaxx.device.cpu.PlainJava;
import dynaxx.testing.Extent;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Every device that can be used here, in every configuration worth telling apart. */
final class Configurations {

  /** Whether this JVM was started without the Vector API's module. */
  private static final boolean VECTORS_ABSENT =
      "absent".equals(System.getProperty("dynaxx.test.vector"));

  private Configurations() {}

  /**
   * A way to open a device.
   *
   * @param name for test reports
   * @param group configurations of one group must agree to the bit
   * @param open opens the device, or the one that it belongs to
   * @param wide whether its {@link Device#float64} is meant
   */
  record Configuration(String name, String group, Supplier<Device> open, boolean wide) {

    /** The device meant, given what {@code open} has opened. */
    Device of(Device opened) {
      return wide ? opened.float64().orElseThrow() : opened;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static List<Configuration> all() {
    List<Configuration> found = new ArrayList<>();
    for (DeviceProvider provider : Devices.providers()) {
      if (provider.unavailable().isPresent()) {
        continue;
      }
      if (!provider.name().equals(System.getProperty(TestDevice.PROPERTY, provider.name()))) {
        continue;
      }
      boolean host = provider.name().equals("cpu");
      // Without vectors, all are plain Java, which has been tested beside them.
      boolean again = host && VECTORS_ABSENT && !Extent.full();
      int[] numbers = again ? new int[] {2} : host ? new int[] {1, 2, 4} : new int[] {1};
      for (int threads : numbers) {
        String name = provider.name() + ", threads " + threads;
        Supplier<Device> open = () -> provider.open(threads);
        found.add(new Configuration(name, provider.name(), open, false));
        if (hasFloat64(provider)) {
          found.add(new Configuration(name + ", float64", provider.name() + "64", open, true));
        }
      }
      if (host && !again) {
        found.add(new Configuration("cpu, plain Java", "scalar", () -> PlainJava.open(1), false));
        found.add(
            new Configuration("cpu, plain Java, 2", "scalar", () -> PlainJava.open(2), false));
      }
    }
    if (found.isEmpty()) {
      throw new IllegalStateException(
          "no device to test: " + System.getProperty(TestDevice.PROPERTY));
    }
    return found;
  }

  private static boolean hasFloat64(DeviceProvider provider) {
    try (Device device = provider.open(1)) {
      return device.float64().isPresent();
    }
  }
}
