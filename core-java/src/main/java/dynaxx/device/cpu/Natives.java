package dynaxx.device.cpu;

import dynaxx.device.Devices;
import dynaxx.device.cpu.NativeKernels.Precision;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;

/** Chooses between products in Java and in machine code, by the system properties. */
final class Natives {

  /** Products in Java. */
  static final Choice NONE = new Choice(null, Precision.FP32, null);

  private static final String ABSENT = "dynaxx-native-cpu is not on the class path";

  private Natives() {}

  /**
   * What a new device uses.
   *
   * @param kernels in machine code, or null for those in Java
   * @param precision of products
   * @param reason why there are none in machine code, or null
   */
  record Choice(NativeKernels kernels, Precision precision, String reason) {

    /** For run reports, where products are in Java. */
    String description() {
      return "products in Java"
          + (reason == null || reason.equals(ABSENT) ? "" : " (" + reason + ")");
    }
  }

  /** Whether the device can do what is asked of it; float32 it always can. */
  static Optional<String> unavailable() {
    try {
      Choice choice = choose();
      boolean served = choice.kernels != null || choice.precision == Precision.FP32;
      return served
          ? Optional.empty()
          : Optional.of(
              "-D"
                  + Devices.CPU_PRECISION_PROPERTY
                  + "="
                  + choice.precision
                  + ": "
                  + choice.reason);
    } catch (IllegalArgumentException e) {
      return Optional.of(e.getMessage());
    }
  }

  static Choice choose() {
    Precision precision = precision();
    String reason = ABSENT;
    for (NativeKernels kernels :
        ServiceLoader.load(NativeKernels.class, Natives.class.getClassLoader())) {
      Optional<String> why = kernels.unavailable(precision);
      if (why.isEmpty()) {
        return new Choice(kernels, precision, null);
      }
      reason = why.get();
    }
    return new Choice(null, precision, reason);
  }

  private static Precision precision() {
    String text = System.getProperty(Devices.CPU_PRECISION_PROPERTY, "fp32");
    try {
      return Precision.valueOf(text.trim().toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      String known =
          String.join(", ", Arrays.stream(Precision.values()).map(Precision::toString).toList());
      throw new IllegalArgumentException(
          "-D"
              + Devices.CPU_PRECISION_PROPERTY
              + ": found '"
              + text
              + "', expected one of "
              + known,
          e);
    }
  }
}
