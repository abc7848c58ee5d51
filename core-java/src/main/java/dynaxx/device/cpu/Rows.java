package dynaxx.device.cpu;

import dynaxx.kernel.RowKernels;
import dynaxx.kernel.RowKernels.Patches;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.util.Arrays;

/** Copies, sums and means of whole rows, and patches of images. */
final class Rows<A> implements RowKernels {

  /** Columns of one piece. */
  private static final int COLS = 2048;

  /** Elements of one piece if rows are short. */
  private static final int CHUNK = 8192;

  private static final int SUM_ROWS = 256;
  private static final int SUM_PIECES = 32;

  /** Slot of the float64 work array, which no loop may share. */
  private static final int SUM = 2;

  private final WorkerPool pool;
  private final Loops<A> loops;

  Rows(WorkerPool pool, Loops<A> loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /** Some rows and columns of a matrix. */
  interface Piece {
    void run(long row, long endRow, long col, int cols, Scratch scratch);
  }

  void pieces(long rows, long cols, int weight, Piece piece) {
    int across = Host.pieces(cols, COLS);
    long each = Math.max(1, CHUNK / Math.max(1, Math.min(cols, COLS)));
    int tasks = Math.multiplyExact(Host.pieces(rows, each), across);
    pool.run(
        tasks,
        weight * each * Math.min(cols, COLS),
        (task, scratch) -> {
          long row = task / across * each;
          long col = (long) (task % across) * COLS;
          int width = (int) Math.min(COLS, cols - col);
          piece.run(row, Math.min(rows, row + each), col, width, scratch);
        });
  }

  @Override
  public void addColumnSums(
      int k, long rows, long cols, Buffer x, long kStride, long rowStride, Strided out) {
    int width = (int) Math.min(cols, COLS / 4);
    int across = Host.pieces(cols, width);
    int down = across >= 8 ? 1 : Math.clamp(rows / SUM_ROWS, 1, SUM_PIECES);
    long each = (rows + down - 1) / down;
    double[][] sums = new double[Math.multiplyExact(Math.multiplyExact(k, across), down)][];
    pool.run(
        sums.length,
        each * width,
        (task, scratch) -> {
          int i = task / down / across;
          long col = (long) (task / down % across) * width;
          long row = task % down * each;
          int size = (int) Math.min(width, cols - col);
          long at = i * kStride + col;
          sums[task] = columnSums(x, at, rowStride, row, Math.min(rows, row + each), size, scratch);
        });
    for (int task = 0; task < sums.length; task += down) {
      for (int d = 1; d < down; d++) {
        plus(sums[task], sums[task + d]);
      }
      long at = Host.start(out, task / down / across) + (long) (task / down % across) * width;
      for (int j = 0; j < sums[task].length; j++) {
        loops.add(out.buffer(), at + j, sums[task][j]);
      }
    }
  }

  private double[] columnSums(
      Buffer x, long at, long stride, long row, long end, int size, Scratch scratch) {
    double[] sum = new double[size];
    int together = stride == size ? Math.max(1, COLS / size) : 1;
    A v = loops.array(scratch, 0, together * size);
    for (long r = row; r < end; r += together) {
      int count = (int) Math.min(together, end - r);
      loops.load(x, at + r * stride, v, count * size);
      loops.accumulateRows(sum, v, count, size);
    }
    return sum;
  }

  private static void plus(double[] sum, double[] other) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += other[j];
    }
  }

  @Override
  public void addRow(int k, long rows, long cols, Buffer x, Strided w, Buffer y) {
    pieces(
        k * rows,
        cols,
        1,
        (row, end, col, width, scratch) -> {
          A bias = loops.array(scratch, 0, COLS);
          A v = loops.array(scratch, 1, COLS);
          long loaded = -1;
          for (long r = row; r < end; r++) {
            if (r / rows != loaded) {
              loaded = r / rows;
              loops.load(w.buffer(), Host.start(w, (int) loaded) + col, bias, width);
            }
            if (x == null) {
              loops.store(bias, y, r * cols + col, width);
              continue;
            }
            loops.load(x, r * cols + col, v, width);
            loops.add(v, bias, width);
            loops.store(v, y, r * cols + col, width);
          }
        });
  }

  @Override
  public void copyRows(
      long rows,
      long cols,
      Buffer from,
      long fromOffset,
      long fromStride,
      Buffer to,
      long toOffset,
      long toStride,
      boolean add) {
    pieces(
        rows,
        cols,
        1,
        (row, end, col, width, scratch) -> {
          long source = fromOffset + row * fromStride + col;
          long target = toOffset + row * toStride + col;
          if (!add) {
            loops.copy(from, source, fromStride, to, target, toStride, end - row, width);
            return;
          }
          A v = loops.array(scratch, 0, COLS);
          for (long r = 0; r < end - row; r++) {
            loops.load(from, source + r * fromStride, v, width);
            loops.store(v, to, target + r * toStride, width, true, scratch);
          }
        });
  }

  @Override
  public void meanRows(long groups, int rows, int cols, Buffer x, Buffer y) {
    int across = Host.pieces(cols, COLS);
    pool.run(
        Math.toIntExact(groups * across),
        (long) rows * Math.min(cols, COLS),
        (task, scratch) -> {
          long group = task / across;
          int col = task % across * COLS;
          int size = Math.min(COLS, cols - col);
          double[] sum = scratch.doubles(SUM, size);
          A v = loops.array(scratch, 0, size);
          Arrays.fill(sum, 0, size, 0);
          for (int r = 0; r < rows; r++) {
            loops.load(x, (group * rows + r) * cols + col, v, size);
            loops.accumulate(sum, 0, v, 0, size);
          }
          mean(sum, rows, v, size);
          loops.store(v, y, group * cols + col, size);
        });
  }

  private void mean(double[] sum, int rows, A v, int size) {
    for (int j = 0; j < size; j++) {
      sum[j] /= rows;
    }
    loops.narrow(sum, v, size);
  }

  @Override
  public void meanRowsBackward(long groups, int rows, int cols, Buffer dy, Buffer dx, boolean add) {
    pool.run(
        Math.toIntExact(groups),
        (long) rows * cols,
        (task, scratch) -> {
          long group = task;
          A v = loops.array(scratch, 0, cols);
          A w = loops.array(scratch, 1, cols);
          loops.load(dy, group * cols, v, cols);
          double[] wide = scratch.doubles(SUM, cols);
          loops.widen(v, wide, cols);
          mean(wide, rows, v, cols);
          for (int r = 0; r < rows; r++) {
            long at = (group * rows + r) * cols;
            if (!add) {
              loops.store(v, dx, at, cols);
              continue;
            }
            loops.load(dx, at, w, cols);
            loops.add(w, v, cols);
            loops.store(w, dx, at, cols);
          }
        });
  }

  /** Cuts images into patches, or puts them together again if {@code back}. */
  private void patches(Patches s, Buffer images, Buffer rows, boolean back, boolean add) {
    int size = Math.multiplyExact(Math.multiplyExact(s.channels(), s.height()), s.width());
    pool.run(
        Math.toIntExact(s.images()),
        size,
        (task, scratch) -> {
          A image = loops.array(scratch, 0, size);
          A cut = loops.array(scratch, 1, size);
          long at = (long) task * size;
          if (back) {
            loops.load(rows, at, cut, size);
            permute(s, image, cut, true);
            loops.store(image, images, at, size, add, scratch);
          } else {
            loops.load(images, at, image, size);
            permute(s, image, cut, false);
            loops.store(cut, rows, at, size);
          }
        });
  }

  /** Walks the image line by line of each patch, the patches' elements being consecutive. */
  private void permute(Patches s, A image, A cut, boolean back) {
    int p = s.patch();
    int at = 0;
    for (int top = 0; top < s.height(); top += p) {
      for (int left = 0; left < s.width(); left += p) {
        for (int line = 0; line < s.channels() * p; line++) {
          int pixel = (line / p * s.height() + top + line % p) * s.width() + left;
          if (back) {
            loops.pick(cut, at, 1, image, pixel, p);
          } else {
            loops.pick(image, pixel, 1, cut, at, p);
          }
          at += p;
        }
      }
    }
  }

  @Override
  public void toPatches(Patches s, Buffer x, Buffer patches) {
    patches(s, x, patches, false, false);
  }

  @Override
  public void fromPatches(Patches s, Buffer patches, Buffer x, boolean add) {
    patches(s, x, patches, true, add);
  }
}
