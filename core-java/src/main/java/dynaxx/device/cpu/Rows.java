package dynaxx.device.cpu;

import dynaxx.kernel.RowKernels;
import dynaxx.kernel.RowKernels.Patches;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Copies, sums and means of whole rows, and patches of images. */
final class Rows implements RowKernels {

  /** Columns of one piece. */
  private static final int COLS = 2048;

  /** Elements of one piece if rows are short. */
  private static final int CHUNK = 8192;

  private static final int SUM_ROWS = 256;
  private static final int SUM_PIECES = 32;

  private final WorkerPool pool;

  Rows(WorkerPool pool) {
    this.pool = pool;
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
    MemorySegment sx = Host.segment(x);
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
          sums[task] =
              columnSums(sx, at, rowStride, row, Math.min(rows, row + each), size, scratch);
        });
    MemorySegment to = Host.segment(out.buffer());
    for (int task = 0; task < sums.length; task += down) {
      for (int d = 1; d < down; d++) {
        plus(sums[task], sums[task + d]);
      }
      long at = Host.start(out, task / down / across) + (long) (task / down % across) * width;
      for (int j = 0; j < sums[task].length; j++) {
        Host.set(to, at + j, (float) (Host.get(to, at + j) + sums[task][j]));
      }
    }
  }

  private static double[] columnSums(
      MemorySegment x, long at, long stride, long row, long end, int size, Scratch scratch) {
    double[] sum = new double[size];
    float[] v = scratch.floats(0, size);
    for (long r = row; r < end; r++) {
      Host.load(x, at + r * stride, v, size);
      accumulate(sum, v, size);
    }
    return sum;
  }

  static void accumulate(double[] sum, float[] v, int size) {
    for (int j = 0; j < size; j++) {
      sum[j] += v[j];
    }
  }

  private static void plus(double[] sum, double[] other) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += other[j];
    }
  }

  @Override
  public void addRow(int k, long rows, long cols, Buffer x, Strided w, Buffer y) {
    MemorySegment sx = Host.segmentOrNull(x);
    MemorySegment sw = Host.segment(w.buffer());
    MemorySegment out = Host.segment(y);
    pieces(
        k * rows,
        cols,
        1,
        (row, end, col, width, scratch) -> {
          float[] bias = scratch.floats(0, COLS);
          float[] v = scratch.floats(1, COLS);
          long loaded = -1;
          for (long r = row; r < end; r++) {
            if (r / rows != loaded) {
              loaded = r / rows;
              Host.load(sw, Host.start(w, (int) loaded) + col, bias, width);
            }
            if (sx == null) {
              Host.store(bias, out, r * cols + col, width);
              continue;
            }
            Host.load(sx, r * cols + col, v, width);
            add(v, bias, width);
            Host.store(v, out, r * cols + col, width);
          }
        });
  }

  private static void add(float[] v, float[] w, int size) {
    for (int j = 0; j < size; j++) {
      v[j] += w[j];
    }
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
    MemorySegment in = Host.segment(from);
    MemorySegment out = Host.segment(to);
    pieces(
        rows,
        cols,
        1,
        (row, end, col, width, scratch) -> {
          float[] v = scratch.floats(0, COLS);
          float[] w = scratch.floats(1, COLS);
          for (long r = row; r < end; r++) {
            long source = fromOffset + r * fromStride + col;
            long target = toOffset + r * toStride + col;
            if (!add) {
              copy(in, source, out, target, width);
              continue;
            }
            Host.load(in, source, v, width);
            Host.load(out, target, w, width);
            add(w, v, width);
            Host.store(w, out, target, width);
          }
        });
  }

  static void copy(MemorySegment from, long at, MemorySegment to, long target, long size) {
    MemorySegment.copy(
        from,
        ValueLayout.JAVA_FLOAT,
        at * Float.BYTES,
        to,
        ValueLayout.JAVA_FLOAT,
        target * Float.BYTES,
        size);
  }

  @Override
  public void meanRows(long groups, int rows, int cols, Buffer x, Buffer y) {
    MemorySegment sx = Host.segment(x);
    MemorySegment out = Host.segment(y);
    int across = Host.pieces(cols, COLS);
    pool.run(
        Math.toIntExact(groups * across),
        (long) rows * Math.min(cols, COLS),
        (task, scratch) -> {
          long group = task / across;
          int col = task % across * COLS;
          int size = Math.min(COLS, cols - col);
          double[] sum = scratch.doubles(0, size);
          float[] v = scratch.floats(0, size);
          Arrays.fill(sum, 0, size, 0);
          for (int r = 0; r < rows; r++) {
            Host.load(sx, (group * rows + r) * cols + col, v, size);
            accumulate(sum, v, size);
          }
          for (int j = 0; j < size; j++) {
            v[j] = (float) (sum[j] / rows);
          }
          Host.store(v, out, group * cols + col, size);
        });
  }

  @Override
  public void meanRowsBackward(long groups, int rows, int cols, Buffer dy, Buffer dx, boolean add) {
    MemorySegment in = Host.segment(dy);
    MemorySegment out = Host.segment(dx);
    pool.run(
        Math.toIntExact(groups),
        (long) rows * cols,
        (task, scratch) -> {
          long group = task;
          float[] v = scratch.floats(0, cols);
          float[] w = scratch.floats(1, cols);
          Host.load(in, group * cols, v, cols);
          for (int j = 0; j < cols; j++) {
            v[j] /= rows;
          }
          for (int r = 0; r < rows; r++) {
            long at = (group * rows + r) * cols;
            if (!add) {
              Host.store(v, out, at, cols);
              continue;
            }
            Host.load(out, at, w, cols);
            add(w, v, cols);
            Host.store(w, out, at, cols);
          }
        });
  }

  /** Cuts images into patches, or puts them together again if {@code back}. */
  private void patches(Patches s, Buffer images, Buffer rows, boolean back, boolean add) {
    MemorySegment si = Host.segment(images);
    MemorySegment sr = Host.segment(rows);
    int size = Math.multiplyExact(Math.multiplyExact(s.channels(), s.height()), s.width());
    pool.run(
        Math.toIntExact(s.images()),
        size,
        (task, scratch) -> {
          float[] image = scratch.floats(0, size);
          float[] cut = scratch.floats(1, size);
          long at = (long) task * size;
          if (back) {
            Host.load(sr, at, cut, size);
            permute(s, image, cut, true);
            if (add) {
              Host.load(si, at, cut, size);
              add(image, cut, size);
            }
            Host.store(image, si, at, size);
          } else {
            Host.load(si, at, image, size);
            permute(s, image, cut, false);
            Host.store(cut, sr, at, size);
          }
        });
  }

  /** Walks the image line by line of each patch, the patches' elements being consecutive. */
  private static void permute(Patches s, float[] image, float[] cut, boolean back) {
    int p = s.patch();
    int at = 0;
    for (int top = 0; top < s.height(); top += p) {
      for (int left = 0; left < s.width(); left += p) {
        for (int line = 0; line < s.channels() * p; line++) {
          int pixel = (line / p * s.height() + top + line % p) * s.width() + left;
          if (back) {
            System.arraycopy(cut, at, image, pixel, p);
          } else {
            System.arraycopy(image, pixel, cut, at, p);
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
