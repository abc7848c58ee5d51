package dynaxx.memory;

/**
 * A run of values where a device computes, float32 unless the device is a float64 one: host memory
 * for the CPU, device memory for a GPU. Only {@link HostBuffer} can be dereferenced from Java;
 * every other kind is opaque and is read through its device.
 */
public interface Buffer {

  /**
   * Number of values.
   *
   * @return the size in elements, not bytes
   */
  long size();

  /**
   * A view of part of this buffer; no copy, same owner.
   *
   * @param offset first element
   * @param size number of elements
   * @return the view
   * @throws IndexOutOfBoundsException if the range is not inside this buffer
   */
  Buffer slice(long offset, long size);
}
