package dynaxx.network.op;

/** The windows of a pooling op on images {@code [channels x height x width]}. */
public sealed interface PoolWindow {

  /**
   * Windows of one size, side by side.
   *
   * @param size height and width of a window, also the step to the next
   * @return the windows
   */
  static PoolWindow of(int size) {
    return of(size, size, 0);
  }

  /**
   * Windows of one size.
   *
   * @param size height and width of a window
   * @param stride pixels from window to window
   * @param padding pixels around the image, below the size
   * @return the windows
   */
  static PoolWindow of(int size, int stride, int padding) {
    return new Moving(size, size, stride, stride, Padding.of(padding));
  }

  /**
   * One window, the whole image.
   *
   * @return the window
   */
  static PoolWindow global() {
    return new Even(1, 1);
  }

  /**
   * Windows of one size.
   *
   * @param height of a window
   * @param width of a window
   * @param strideY rows from window to window
   * @param strideX columns from window to window
   * @param padding around the image, on each side below the window's extent; for a maximum it is
   *     never the largest, for a mean zero or left out
   */
  record Moving(int height, int width, int strideY, int strideX, Padding padding)
      implements PoolWindow {

    /**
     * Checks the values.
     *
     * @param height at least 1
     * @param width at least 1
     * @param strideY at least 1
     * @param strideX at least 1
     * @param padding below height and width
     */
    public Moving {
      boolean fits =
          Math.max(padding.top(), padding.bottom()) < height
              && Math.max(padding.left(), padding.right()) < width;
      if (strideY < 1 || strideX < 1 || !fits) {
        throw new IllegalArgumentException(
            "pool window: found %d x %d, strides %d and %d, %s, expected strides of at least 1 and"
                    .formatted(height, width, strideY, strideX, padding)
                + " padding below the window's extent");
      }
    }
  }

  /**
   * A fixed number of windows that cover the image evenly: window o of n reaches from pixel {@code
   * floor(o size / n)} to below {@code ceil((o + 1) size / n)}.
   *
   * @param rows windows along the height
   * @param columns windows along the width
   */
  record Even(int rows, int columns) implements PoolWindow {

    /**
     * Checks the values.
     *
     * @param rows at least 1
     * @param columns at least 1
     */
    public Even {
      if (rows < 1 || columns < 1) {
        throw new IllegalArgumentException(
            "pool window: found " + rows + " x " + columns + " windows, expected at least 1 x 1");
      }
    }
  }
}
