package dynaxx.kernel;

import dynaxx.device.Availability;
import dynaxx.device.Device;
import dynaxx.device.DeviceProvider;
import dynaxx.device.Devices;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Every device that can be used here, in every configuration worth telling apart. */
final class Configurations {

  private static final String SIMD = "dynaxx.simd";

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
      if (provider.availability() instanceof Availability.Unavailable) {
        continue;
      }
      if (!provider.name().equals(System.getProperty(TestDevice.PROPERTY, provider.name()))) {
        continue;
      }
      boolean host = provider.name().equals("cpu");
      for (int threads : host ? new int[] {1, 2, 4} : new int[] {1}) {
        String name = provider.name() + ", threads " + threads;
        Supplier<Device> open = () -> provider.open(threads);
        found.add(new Configuration(name, provider.name(), open, false));
        if (hasFloat64(provider)) {
          found.add(new Configuration(name + ", float64", provider.name() + "64", open, true));
        }
      }
      if (host) {
        found.add(new Configuration("cpu, plain Java", "scalar", () -> scalar(provider, 1), false));
        found.add(
            new Configuration("cpu, plain Java, 2", "scalar", () -> scalar(provider, 2), false));
      }
    }
    if (found.isEmpty()) {
      throw new IllegalStateException(
          "no backend to test: " + System.getProperty(TestDevice.PROPERTY));
    }
    return found;
  }

  private static boolean hasFloat64(DeviceProvider provider) {
    try (Device device = provider.open(1)) {
      return device.float64().isPresent();
    }
  }

  private static Device scalar(DeviceProvider provider, int threads) {
    String before = System.getProperty(SIMD);
    System.setProperty(SIMD, "off");
    try {
      return provider.open(threads);
    } finally {
      if (before == null) {
        System.clearProperty(SIMD);
      } else {
        System.setProperty(SIMD, before);
      }
    }
  }
}
