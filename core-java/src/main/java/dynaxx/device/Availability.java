package dynaxx.device;

/** Whether a device can be used here. */
public sealed interface Availability {

  /**
   * It can.
   *
   * @param detail what was found, one line
   */
  record Available(String detail) implements Availability {}

  /**
   * It cannot.
   *
   * @param reason why, and where it applies what to do about it, one line
   */
  record Unavailable(String reason) implements Availability {}
}
