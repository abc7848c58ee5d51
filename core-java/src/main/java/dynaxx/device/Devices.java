package dynaxx.device;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Chooses a device. {@code -Ddynaxx.backend=NAME} forces one, {@code auto} (the default) takes the
 * best that is available; {@code -Ddynaxx.threads=T} sizes the worker pool.
 */
public final class Devices {

  /** System property that names the device, or {@code auto}. */
  public static final String DEVICE_PROPERTY = "dynaxx.backend";

  /** System property with the number of worker threads; the default is the number of processors. */
  public static final String THREADS_PROPERTY = "dynaxx.threads";

  /**
   * System property with the precision of the CPU's matrix products: {@code fp32} (the default), or
   * {@code bf16x6} or {@code bf16x3} where dynaxx-native-cpu is on the class path and the processor
   * has AMX.
   */
  public static final String CPU_PRECISION_PROPERTY = "dynaxx.cpu.precision";

  /** Allowed on any machine: more threads than processors help nothing but tests. */
  private static final int MOST_THREADS = 64;

  private static final int MOST_THREADS_FOR_A_PROCESSOR = 4;

  private static final Logger LOG = System.getLogger("dynaxx.backend");

  private Devices() {}

  /**
   * Opens the device that the system properties name and logs one line: what was chosen, and why
   * better ones were not.
   *
   * @return a new device, to be closed by the caller
   * @throws IllegalStateException if a forced device is not available; the message has every reason
   * @throws IllegalArgumentException if a property has no valid value
   */
  public static Device open() {
    return open(System.getProperty(DEVICE_PROPERTY, "auto"), threads());
  }

  /**
   * Opens a device by name.
   *
   * @param name a provider's name, or {@code auto}
   * @param threads host threads, at least 1
   * @return a new device, to be closed by the caller
   * @throws IllegalStateException if it is not available; the message has every reason
   * @throws IllegalArgumentException if threads is below 1, or above 64 and above four for each
   *     processor
   */
  public static Device open(String name, int threads) {
    check("threads", Integer.toString(threads), threads);
    String wanted = name.toLowerCase(Locale.ROOT);
    List<String> refusals = new ArrayList<>();
    for (DeviceProvider provider : providers()) {
      if (!wanted.equals("auto") && !wanted.equals(provider.name())) {
        continue;
      }
      Optional<String> reason = provider.unavailable();
      if (reason.isEmpty()) {
        Device device = provider.open(threads);
        LOG.log(
            wanted.equals("auto") ? Level.INFO : Level.DEBUG,
            () ->
                "backend "
                    + provider.name()
                    + ": "
                    + device.description()
                    + (refusals.isEmpty() ? "" : "; refused: " + refusals));
        return device;
      }
      refusals.add(provider.name() + ": " + reason.get());
    }
    String found = refusals.isEmpty() ? "known are " + names() : String.join("; ", refusals);
    throw new IllegalStateException(
        DEVICE_PROPERTY + ": '" + name + "' is not available (" + found + ")");
  }

  /**
   * Opens the pure-Java device.
   *
   * @param threads worker threads, at least 1
   * @return a new device, to be closed by the caller
   */
  public static Device cpu(int threads) {
    return open("cpu", threads);
  }

  /**
   * All providers, best first.
   *
   * @return never empty: the CPU is always there
   */
  public static List<DeviceProvider> providers() {
    List<DeviceProvider> found = new ArrayList<>();
    ServiceLoader.load(DeviceProvider.class, Devices.class.getClassLoader()).forEach(found::add);
    found.sort(Comparator.comparingInt(DeviceProvider::priority).reversed());
    return found;
  }

  private static List<String> names() {
    return providers().stream().map(DeviceProvider::name).toList();
  }

  private static int threads() {
    String text = System.getProperty(THREADS_PROPERTY);
    if (text == null) {
      return Runtime.getRuntime().availableProcessors();
    }
    int threads = 0;
    try {
      threads = Integer.parseInt(text.trim());
    } catch (NumberFormatException e) {
      // 0 is refused by a message that names the text
    }
    check("-D" + THREADS_PROPERTY, text, threads);
    return threads;
  }

  private static void check(String name, String found, int threads) {
    int processors = Runtime.getRuntime().availableProcessors();
    int most = Math.max(MOST_THREADS, MOST_THREADS_FOR_A_PROCESSOR * processors);
    if (threads < 1 || threads > most) {
      throw new IllegalArgumentException(
          String.format(
              "%s: found '%s', expected a whole number from 1 to %d (this machine has %d"
                  + " processors)",
              name, found, most, processors));
    }
  }
}
