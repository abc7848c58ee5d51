package dynaxx.device;

import java.util.Optional;

/** Found by {@link java.util.ServiceLoader}; one for each kind of device. */
public interface DeviceProvider {

  /**
   * Name for {@code -Ddynaxx.backend}.
   *
   * @return lower case, for example {@code cpu}
   */
  String name();

  /**
   * Rank among the available ones in {@code auto} mode; the highest is taken. The CPU has 0.
   *
   * @return the rank
   */
  int priority();

  /**
   * Checks whether the device can be used here. Leaves no side effects. Never throws.
   *
   * @return nothing if it can; otherwise why not, and where it applies what to do about it, one
   *     line
   */
  Optional<String> unavailable();

  /**
   * Opens it.
   *
   * @param threads host threads it may use, at least 1
   * @return a new device, to be closed by the caller
   */
  Device open(int threads);
}
