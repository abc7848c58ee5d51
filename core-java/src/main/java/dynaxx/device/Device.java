package dynaxx.device;

import dynaxx.kernel.Kernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Where dynaxx computes: memory, vector algebra, and the kernels that the ops of a network call.
 *
 * <p>Data are float32, or float64 where {@link #float64} says so; dot products, norms and sums over
 * rows are accumulated in float64. Calls may return before the work is done; {@link #download}
 * waits. Threads that share a device, or its {@link #float64}, take {@linkplain Turns turns}.
 */
public interface Device extends AutoCloseable {

  /**
   * Short name as in {@code -Ddynaxx.backend}.
   *
   * @return for example {@code cpu}
   */
  String name();

  /**
   * What a run report should say about it: instruction set, threads or device model.
   *
   * @return one line
   */
  String description();

  /**
   * Unit roundoff of its arithmetic, for noise floors: 2^-24 for float32 products.
   *
   * @return the relative error of one operation
   */
  default double unitRoundoff() {
    return 0x1p-24;
  }

  /**
   * Bytes that activations may take when the caller states no limit.
   *
   * @return a positive number of bytes
   */
  long defaultMemoryLimit();

  /**
   * How threads share this device.
   *
   * @return always the same, also for {@link #float64}
   */
  Turns turns();

  /**
   * Algebra on whole vectors.
   *
   * @return always the same
   */
  Algebra algebra();

  /**
   * What the ops of a network call. The types are for the devices and ops of dynaxx itself and are
   * not exported.
   *
   * @return always the same
   */
  @SuppressWarnings("exports")
  Kernels kernels();

  /**
   * Does work on the host by the threads that this device has for that, and returns when all is
   * done. What a task does must not depend on the others, nor use a device.
   *
   * @param tasks how many
   * @param workPerTask rough number of elementary steps of one task
   * @param work does the task of a number from 0 on
   */
  default void share(int tasks, long workPerTask, IntConsumer work) {
    IntStream.range(0, tasks).parallel().forEach(work);
  }

  /**
   * Allocates zeroed memory where this device computes.
   *
   * @param scope owns the memory
   * @param size number of values
   * @return the buffer
   */
  Buffer allocate(Scope scope, long size);

  /**
   * Allocates k zeroed vectors where this device computes.
   *
   * @param scope owns the memory
   * @param count number of vectors
   * @param length elements of each
   * @return the block
   */
  default Vectors vectors(Scope scope, int count, long length) {
    return Vectors.of(allocate(scope, Math.multiplyExact(length, count)), count, length);
  }

  /**
   * Allocates what kernels add their sums to, all zero.
   *
   * @param scope owns the memory
   * @param size how many
   * @return the accumulators, of a type that is not exported, like the kernels
   */
  @SuppressWarnings("exports")
  Scalars scalars(Scope scope, int size);

  /**
   * A buffer with the given host values. A device that computes in host memory may return a view of
   * the same memory, any other copies once; the caller keeps the values unchanged while the buffer
   * is used.
   *
   * @param scope owns the memory if one is allocated
   * @param values native-order float32 values, off-heap
   * @return a buffer with these values
   */
  Buffer upload(Scope scope, MemorySegment values);

  /**
   * Values for this device's kernels: those in host memory are {@linkplain #upload uploaded}, those
   * that lie where it computes stay there, and a float64 device widens those of its float32 device.
   *
   * @param scope owns the memory if some is allocated
   * @param values float32 values in host memory, or a buffer of this device
   * @return a buffer of this device with these values
   * @throws IllegalArgumentException if the values are on a device and this device cannot use them
   */
  default Buffer place(Scope scope, Buffer values) {
    return values instanceof HostBuffer host ? upload(scope, host.segment()) : values;
  }

  /**
   * Copies values to the host and waits for them.
   *
   * @param from the source
   * @param to native-order float32 values, at least as many
   */
  void download(Buffer from, MemorySegment to);

  /**
   * The float64 version of this device, on the same hardware: its buffers and kernels are float64.
   * Certificates need it. Its {@link #upload} widens float32 values, its {@link #download} rounds
   * to float32; it is closed with this device.
   *
   * @return the device, the same at every call, or nothing if the device has none
   */
  default Optional<Device> float64() {
    return Optional.empty();
  }

  /**
   * Whether work that is done again and again should be {@linkplain #recording recorded}.
   *
   * @return true if submitting work costs time that a recording saves
   */
  default boolean records() {
    return false;
  }

  /**
   * Work that is done again and again with the same arguments on the same memory, prepared so that
   * it costs less to submit.
   *
   * @param scope owns the recording
   * @param work calls kernels of this device, always the same ones, and reads nothing back
   * @return does the work
   */
  default Runnable recording(Scope scope, Runnable work) {
    return work;
  }

  /**
   * Frees threads, streams and contexts; memory belongs to its scopes. Closing twice is harmless.
   */
  @Override
  void close();
}
