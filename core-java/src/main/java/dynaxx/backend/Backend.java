package dynaxx.backend;

import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A device with its memory and its kernels. Callers check shapes once at their own public edge;
 * kernels check nothing.
 *
 * <p>Every kernel gives the same bits for the same arguments whatever the number of threads, and
 * the same bits for each of k directions as for that direction alone; matrix products, and
 * convolutions made of them, do so only where they do not go through a vendor's library, which may
 * choose another algorithm for another shape. Data are float32, or float64 where {@link #float64}
 * says so; dot products, norms and sums over rows are accumulated in float64. Calls may return
 * before the work is done; {@link Scalars#read} and {@link #download} wait. A backend is used by
 * one thread at a time, together with its {@link #float64}.
 */
public interface Backend
    extends MatrixKernels, LayerKernels, ImageKernels, VectorKernels, AutoCloseable {

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
   * Allocates zeroed memory where this backend computes.
   *
   * @param scope owns the memory
   * @param size number of values
   * @return the buffer
   */
  Buffer allocate(Scope scope, long size);

  /**
   * Allocates k zeroed vectors where this backend computes.
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
   * Allocates accumulators, all zero.
   *
   * @param scope owns the memory
   * @param size how many
   * @return the accumulators
   */
  Scalars scalars(Scope scope, int size);

  /**
   * A buffer with the given host values. A backend that computes in host memory may return a view
   * of the same memory, any other copies once; the caller keeps the values unchanged while the
   * buffer is used.
   *
   * @param scope owns the memory if one is allocated
   * @param values native-order float32 values, off-heap
   * @return a buffer with these values
   */
  Buffer upload(Scope scope, MemorySegment values);

  /**
   * Values for this backend's kernels: those in host memory are {@linkplain #upload uploaded},
   * those that lie where it computes stay there.
   *
   * @param scope owns the memory if some is allocated
   * @param values float32 values in host memory, or a buffer of this backend
   * @return a buffer of this backend with these values
   * @throws IllegalArgumentException if the values are on a device and this backend cannot use them
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
   * A backend on the same device whose buffers hold float64 and whose kernels compute in float64,
   * for certificates. Its {@link #upload} widens float32 values, its {@link #download} rounds to
   * float32; it ends with this backend.
   *
   * @return the backend, the same at every call, or nothing if the device has none
   */
  default Optional<Backend> float64() {
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
   * @param work calls kernels of this backend, always the same ones, and reads nothing back
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
