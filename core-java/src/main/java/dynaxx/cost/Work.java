package dynaxx.cost;

/**
 * What the time of a device is made of.
 *
 * @param flop floating-point operations of matrix products and of vectors
 * @param bytes read and written
 * @param launches calls of a kernel
 */
public record Work(double flop, double bytes, double launches) {

  /** No work. */
  public static final Work NONE = new Work(0, 0, 0);

  /**
   * This and more.
   *
   * @param other done as well
   * @return the sum
   */
  public Work plus(Work other) {
    return new Work(flop + other.flop, bytes + other.bytes, launches + other.launches);
  }

  /**
   * The same several times.
   *
   * @param times how often
   * @return the product
   */
  public Work times(double times) {
    return new Work(flop * times, bytes * times, launches * times);
  }
}
