package dynaxx.device.cpu;

import dynaxx.kernel.GatherKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;

/** Lookups of table rows, and their transpose, in float64. */
final class Float64Gathers implements GatherKernels {

  private final Float64Loops loops;

  Float64Gathers(Float64Loops loops) {
    this.loops = loops;
  }

  @Override
  public void gather(int k, long rows, int cols, Buffer ids, Strided table, Buffer y) {
    Float64Buffer numbers = Float64Buffer.of(ids);
    Float64Buffer from = Float64Buffer.of(table.buffer());
    Float64Buffer out = Float64Buffer.of(y);
    loops.rows(
        k * rows,
        cols,
        row -> {
          long at = Host.start(table, (int) (row / rows)) + numbers.id(row % rows) * cols;
          out.write(row * cols, from.read(at, cols));
        });
  }

  /** One thread owns a block of columns of a table and adds the rows in order. */
  @Override
  public void scatterAdd(int k, long rows, int cols, Buffer ids, Buffer dy, Strided table) {
    Float64Buffer numbers = Float64Buffer.of(ids);
    Float64Buffer in = Float64Buffer.of(dy);
    Float64Buffer to = Float64Buffer.of(table.buffer());
    loops.columns(
        k,
        rows,
        cols,
        (i, col, width) -> {
          for (long row = 0; row < rows; row++) {
            double[] v = in.read((i * rows + row) * cols + col, width);
            to.write(Host.start(table, i) + numbers.id(row) * cols + col, v, true);
          }
        });
  }
}
