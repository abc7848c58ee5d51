package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Windows.Sliding;
import java.util.ArrayList;
import java.util.List;

/**
 * Images with zeros around them and the channels of a group last, so that what a row of a window
 * meets at a place is one run of memory. The gradient of the weights is then a matrix product,
 * adjoints (outputs x places) times pixels (places x elements), over all places of all images, one
 * after the other: float32 sums over {@link #RUN} places, {@link #RUNS} of them added in float32,
 * and so on to the total. No sum depends on the length of vectors.
 *
 * @param s the convolution
 */
public record ChannelsLast(Convolution s) {

  /** Places of a sum. */
  public static final int RUN = Gemm.DEPTH;

  /** From one row of adjoints to the next. */
  public static final int PITCH = Gemm.PITCH;

  /** Sums that are added up before they are added to the total. */
  public static final int RUNS = 8;

  /** Values of images and adjoints that are laid out, unless these have too few places. */
  private static final int SHARED = 1 << 18;

  /** The same where there are. */
  private static final int MOST = 1 << 22;

  /** Places that are worth a pass over the total. */
  private static final int PLACES = 512;

  /** Weights that are few enough for a sum for each part. */
  private static final int FEW = 1 << 16;

  private static final int PARTS = 8;

  /** Values that lie together; with fewer of them, vectors along the places are faster. */
  private static final int TOGETHER = 16;

  /** Outputs of a group that use what was loaded. */
  private static final int OUTPUTS = 4;

  /**
   * Some columns of the matrix of pixels, one after the other in memory.
   *
   * @param at where the first lies from a place
   * @param column the first, in the order of window row, window column, channel
   * @param width how many
   */
  public record Block(int at, int column, int width) {}

  /** Whether a matrix product is faster than dot products along the places. */
  public static boolean pays(Convolution s) {
    return new ChannelsLast(s).together() >= TOGETHER && s.outputs() / s.groups() >= OUTPUTS;
  }

  /** Channels of a group. */
  public int channels() {
    return s.channels() / s.groups();
  }

  /** Rows of an image in memory. */
  public int rows() {
    return extent(s.y());
  }

  /** Columns of an image in memory. */
  public int columns() {
    return extent(s.x());
  }

  private static int extent(Sliding w) {
    return (w.count() - 1) * w.stride() + (w.kernel() - 1) * w.dilation() + 1;
  }

  /** Values of a group of an image. */
  public int groupSize() {
    return Math.multiplyExact(Math.multiplyExact(rows(), columns()), channels());
  }

  /** Values of an image. */
  public int size() {
    return Math.multiplyExact(s.groups(), groupSize());
  }

  /** Images that are laid out at a time, if there are as many. */
  public int images() {
    long wanted = Math.min(Math.ceilDiv(PLACES, s.outPlane()), MOST / laidOut());
    return Math.toIntExact(Math.max(1, Math.max(SHARED / laidOut(), wanted)));
  }

  /** Values of an image and its adjoints. */
  private long laidOut() {
    return size() + (long) s.outputs() * s.outPlane() * PITCH / RUN;
  }

  /**
   * Parts of the images whose gradients are summed apart, each by one thread from memory of its
   * own, and then in order; one part where the weights are many or the images large.
   */
  public int parts() {
    boolean few = (long) s.outputs() * s.depth() <= FEW;
    boolean small = images() * laidOut() <= 2 * SHARED;
    return few && small ? Math.min(PARTS, Math.ceilDiv(s.images(), images())) : 1;
  }

  /** Where the pixels of place after place of some images start. */
  public int[] starts(int images) {
    int[] starts = new int[Math.multiplyExact(images, s.outPlane())];
    int at = 0;
    for (int image = 0; image < images; image++) {
      for (int p = 0; p < s.y().count(); p++) {
        for (int q = 0; q < s.x().count(); q++) {
          int pixel = p * s.y().stride() * columns() + q * s.x().stride();
          starts[at++] = Math.addExact(Math.multiplyExact(image, size()), pixel * channels());
        }
      }
    }
    return starts;
  }

  /** Columns that lie one after the other. */
  private int together() {
    return channels() * (s.x().dilation() == 1 ? s.x().kernel() : 1);
  }

  /** All columns in blocks of at most so many. */
  public List<Block> blocks(int most) {
    List<Block> blocks = new ArrayList<>();
    int runs = s.depth() / together();
    int across = runs / s.y().kernel();
    for (int run = 0; run < runs; run++) {
      int row = run / across * s.y().dilation();
      int column = run % across * s.x().dilation();
      int at = (row * columns() + column) * channels();
      for (int from = 0; from < together(); from += most) {
        int width = Math.min(most, together() - from);
        blocks.add(new Block(at + from, run * together() + from, width));
      }
    }
    return blocks;
  }
}
