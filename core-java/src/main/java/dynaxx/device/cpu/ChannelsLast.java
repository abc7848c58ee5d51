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

  /** Values of images and their adjoints that are laid out at a time; they stay in the cache. */
  private static final int LAID_OUT = 1 << 18;

  /** More than that is laid out, up to this many values, to reach {@link #PLACES}. */
  private static final int MOST_LAID_OUT = 1 << 22;

  /** Places that are worth a pass over the total. */
  private static final int PLACES = 512;

  /** The most weights of which each part of the images has a total of its own. */
  private static final int FEW_WEIGHTS = 1 << 16;

  private static final int PARTS = 8;

  /** The least columns that lie together; with fewer, vectors along the places are faster. */
  private static final int TOGETHER = 16;

  /** The least outputs of a group for which loading the pixels pays. */
  private static final int OUTPUTS = 4;

  /** The most tasks of a product, if each could have fewer columns. */
  private static final int TASKS = 64;

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
    long wanted = Math.min(Math.ceilDiv(PLACES, s.outPlane()), MOST_LAID_OUT / laidOut());
    return Math.toIntExact(Math.max(1, Math.max(LAID_OUT / laidOut(), wanted)));
  }

  /** Values of an image and its adjoints. */
  private long laidOut() {
    return size() + (long) s.outputs() * s.outPlane() * PITCH / RUN;
  }

  /**
   * Parts of the images. Each has a total of its own, which one thread makes from memory of its
   * own; the totals are then added in order. There is one part, which all threads share, if the
   * weights are many or the images large.
   */
  public int parts() {
    boolean few = (long) s.outputs() * s.depth() <= FEW_WEIGHTS;
    boolean small = images() * laidOut() <= 2 * LAID_OUT;
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

  /**
   * How a product is cut into tasks. Task t has block of columns {@code t mod across}, then block
   * of outputs, then group, then direction.
   *
   * @param outputs of a task
   * @param blocks of columns of a task
   * @param down tasks over the outputs of a group
   * @param across tasks over the columns
   * @param tasks in all
   */
  public record Cut(int outputs, int blocks, int down, int across, int tasks) {}

  /**
   * Cuts the product of k directions.
   *
   * @param k directions
   * @param tileRows outputs of a register tile
   * @param blocks of columns
   */
  public Cut cut(int k, int tileRows, int blocks) {
    int outputs = s.outputs() / s.groups();
    int tall = Math.ceilDiv(outputs, Math.ceilDiv(outputs, tileRows));
    int down = Math.ceilDiv(outputs, tall);
    int rows = Math.multiplyExact(Math.multiplyExact(k, s.groups()), down);
    int wide = Math.clamp((long) rows * blocks / TASKS, 1, blocks);
    int across = Math.ceilDiv(blocks, wide);
    return new Cut(tall, wide, down, across, Math.multiplyExact(rows, across));
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
