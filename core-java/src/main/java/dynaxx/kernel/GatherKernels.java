package dynaxx.kernel;

import dynaxx.memory.Buffer;

/** Lookups of table rows by number. Conventions are those of {@link Kernels}. */
public interface GatherKernels {

  /**
   * {@code y_i[t] = table_i[ids[t]]}.
   *
   * @param k directions
   * @param rows number of ids
   * @param cols elements of each table row
   * @param ids whole numbers inside the table, held as float32
   * @param table run i is the table of direction i
   * @param y k x rows x cols
   */
  void gather(int k, long rows, int cols, Buffer ids, Strided table, Buffer y);

  /**
   * Transpose of {@link #gather}: {@code table_i[ids[t]] += dy_i[t]}, in a fixed order.
   *
   * @param k directions
   * @param rows number of ids
   * @param cols elements of each table row
   * @param ids whole numbers inside the table, held as float32
   * @param dy k x rows x cols
   * @param table run i is the gradient of direction i, added to
   */
  void scatterAdd(int k, long rows, int cols, Buffer ids, Buffer dy, Strided table);
}
