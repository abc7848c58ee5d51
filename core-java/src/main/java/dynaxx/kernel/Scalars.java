package dynaxx.kernel;

/**
 * A few float64 accumulators that live where the device computes: losses, quadratic forms,
 * entropies. Kernels add to them in a fixed order.
 */
public interface Scalars {

  /**
   * How many there are.
   *
   * @return the count
   */
  int size();

  /**
   * Some of them, in the same memory.
   *
   * @param from the first
   * @param count how many
   * @return a view
   */
  Scalars part(int from, int count);

  /** Sets all to zero. */
  void clear();

  /**
   * Waits for the work that was submitted and copies the values to the host.
   *
   * @return one value each
   */
  double[] read();
}
