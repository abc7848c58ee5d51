package dynaxx.device.cpu;

import dynaxx.kernel.RowKernels;
import dynaxx.kernel.RowKernels.Patches;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;

/** Copies, sums and lookups of whole rows in float64. */
final class Float64Rows implements RowKernels {

  private final Float64Loops loops;

  Float64Rows(Float64Loops loops) {
    this.loops = loops;
  }

  @Override
  public void addColumnSums(
      int k, long rows, long cols, Buffer x, long kStride, long rowStride, Strided out) {
    Float64Buffer in = Float64Buffer.of(x);
    Float64Buffer to = Float64Buffer.of(out.buffer());
    loops.columns(
        k,
        rows,
        cols,
        (i, col, width) -> {
          double[] sum = new double[width];
          for (long row = 0; row < rows; row++) {
            Doubles.add(sum, in.read(i * kStride + row * rowStride + col, width));
          }
          to.write(Host.start(out, i) + col, sum, true);
        });
  }

  @Override
  public void addRow(int k, long rows, long cols, Buffer x, Strided w, Buffer y) {
    Float64Buffer in = Float64Buffer.orNull(x);
    Float64Buffer added = Float64Buffer.of(w.buffer());
    Float64Buffer out = Float64Buffer.of(y);
    loops.rows(
        k * rows,
        cols,
        row -> {
          double[] v = added.read(Host.start(w, (int) (row / rows)), cols);
          if (in != null) {
            Doubles.add(v, in.read(row * cols, cols));
          }
          out.write(row * cols, v);
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
    Float64Buffer in = Float64Buffer.of(from);
    Float64Buffer out = Float64Buffer.of(to);
    loops.rows(
        rows,
        cols,
        row ->
            out.write(
                toOffset + row * toStride, in.read(fromOffset + row * fromStride, cols), add));
  }

  @Override
  public void meanRows(long groups, int rows, int cols, Buffer x, Buffer y) {
    Float64Buffer in = Float64Buffer.of(x);
    Float64Buffer out = Float64Buffer.of(y);
    loops.rows(
        groups,
        (long) rows * cols,
        group -> {
          double[] sum = new double[cols];
          for (int r = 0; r < rows; r++) {
            Doubles.add(sum, in.read((group * rows + r) * cols, cols));
          }
          divide(sum, rows);
          out.write(group * cols, sum);
        });
  }

  @Override
  public void meanRowsBackward(long groups, int rows, int cols, Buffer dy, Buffer dx, boolean add) {
    Float64Buffer in = Float64Buffer.of(dy);
    Float64Buffer out = Float64Buffer.of(dx);
    loops.rows(
        groups * rows,
        cols,
        row -> {
          double[] v = in.read(row / rows * cols, cols);
          divide(v, rows);
          out.write(row * cols, v, add);
        });
  }

  private static void divide(double[] v, int by) {
    for (int j = 0; j < v.length; j++) {
      v[j] /= by;
    }
  }

  @Override
  public void toPatches(Patches s, Buffer x, Buffer patches) {
    Float64Buffer from = Float64Buffer.of(x);
    Float64Buffer to = Float64Buffer.of(patches);
    lines(s, (pixel, at) -> to.write(at, from.read(pixel, s.patch())));
  }

  @Override
  public void fromPatches(Patches s, Buffer patches, Buffer x, boolean add) {
    Float64Buffer from = Float64Buffer.of(patches);
    Float64Buffer to = Float64Buffer.of(x);
    lines(s, (pixel, at) -> to.write(pixel, from.read(at, s.patch()), add));
  }

  /** A line of a patch: where it is in the images and where among the patches. */
  private interface Line {
    void run(long pixel, long at);
  }

  private void lines(Patches s, Line line) {
    int p = s.patch();
    int across = s.width() / p;
    loops.rows(
        s.images() * s.perImage(),
        s.length(),
        patch -> {
          long image = patch / s.perImage();
          int place = (int) (patch % s.perImage());
          int top = place / across * p;
          int left = place % across * p;
          for (int i = 0; i < s.channels() * p; i++) {
            long pixelRow = (image * s.channels() + i / p) * s.height() + top + i % p;
            line.run(pixelRow * s.width() + left, patch * s.length() + (long) i * p);
          }
        });
  }
}
