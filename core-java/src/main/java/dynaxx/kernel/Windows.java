package dynaxx.kernel;

/** The windows along one axis of an image. */
public sealed interface Windows {

  /**
   * Extent of the input.
   *
   * @return pixels
   */
  int size();

  /**
   * Extent of the output.
   *
   * @return number of windows
   */
  int count();

  /**
   * First pixel of a window that lies in the image.
   *
   * @param o which window
   * @return its position
   */
  int begin(int o);

  /**
   * Pixel after the last one of a window that lies in the image.
   *
   * @param o which window
   * @return its position
   */
  int end(int o);

  /**
   * Extent of a window with what lies outside the image.
   *
   * @param o which window
   * @return pixels
   */
  int extent(int o);

  /**
   * A window that moves in steps: element i of window o is pixel {@code o stride - before + i
   * dilation}, zero outside the image.
   *
   * @param size pixels of the input
   * @param kernel elements of a window
   * @param stride pixels from window to window
   * @param before zeros before the first pixel
   * @param after zeros after the last pixel
   * @param dilation pixels from element to element; 1 in pooling
   */
  record Sliding(int size, int kernel, int stride, int before, int after, int dilation)
      implements Windows {

    @Override
    public int count() {
      return (size + before + after - dilation * (kernel - 1) - 1) / stride + 1;
    }

    @Override
    public int begin(int o) {
      return Math.max(0, o * stride - before);
    }

    @Override
    public int end(int o) {
      return Math.min(size, o * stride - before + kernel);
    }

    @Override
    public int extent(int o) {
      return kernel;
    }

    /**
     * Pixel of element i of window 0, inside the image or not.
     *
     * @param i which element
     * @return its position
     */
    public int shift(int i) {
      return i * dilation - before;
    }

    /**
     * First window whose element i is a pixel.
     *
     * @param i which element
     * @return the window
     */
    public int first(int i) {
      return Math.clamp(-Math.floorDiv(shift(i), stride), 0, count());
    }

    /**
     * Window after the last one whose element i is a pixel.
     *
     * @param i which element
     * @return the window, at least {@link #first}
     */
    public int last(int i) {
      return Math.clamp(Math.floorDiv(size - 1 - shift(i), stride) + 1, first(i), count());
    }
  }

  /**
   * A given number of windows that cover the image evenly: window o reaches from {@code floor(o
   * size / count)} to below {@code ceil((o + 1) size / count)}.
   *
   * @param size pixels of the input
   * @param count number of windows
   */
  record Adaptive(int size, int count) implements Windows {

    @Override
    public int begin(int o) {
      return (int) ((long) o * size / count);
    }

    @Override
    public int end(int o) {
      return (int) (((o + 1L) * size + count - 1) / count);
    }

    @Override
    public int extent(int o) {
      return end(o) - begin(o);
    }
  }
}
