package dynaxx.network.op;

/**
 * Zeros around an image, in pixels.
 *
 * @param top above the first row
 * @param left before the first column
 * @param bottom below the last row
 * @param right after the last column
 */
public record Padding(int top, int left, int bottom, int right) {

  /** No zeros. */
  public static final Padding NONE = of(0);

  /**
   * Checks the values.
   *
   * @param top at least 0
   * @param left at least 0
   * @param bottom at least 0
   * @param right at least 0
   */
  public Padding {
    if (top < 0 || left < 0 || bottom < 0 || right < 0) {
      throw new IllegalArgumentException(
          "padding: found top %d, left %d, bottom %d, right %d, expected at least 0"
              .formatted(top, left, bottom, right));
    }
  }

  /**
   * The same on all four sides.
   *
   * @param pixels at least 0
   * @return the padding
   */
  public static Padding of(int pixels) {
    return new Padding(pixels, pixels, pixels, pixels);
  }

  /**
   * The same above and below, and the same left and right.
   *
   * @param y above and below
   * @param x left and right
   * @return the padding
   */
  public static Padding of(int y, int x) {
    return new Padding(y, x, y, x);
  }
}
