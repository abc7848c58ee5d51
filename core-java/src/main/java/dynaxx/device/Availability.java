package dynaxx.device;

/** Whether a device can be used here. */
public sealed interface Availability {

  /**
   * The device can be used.
   *
   * @param detail what was found, one line
   */
  record Available(String detail) implements Availability {}

  /**
   * The device cannot be used.
   *
   * @param reason why, and where it applies what to do about it, one line
   */
  record Unavailable(String reason) implements Availability {}
}
