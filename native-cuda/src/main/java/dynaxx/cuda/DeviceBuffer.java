package dynaxx.cuda;

import dynaxx.memory.Buffer;
import java.util.Objects;

/**
 * Values in device memory, float32 or float64 as the device that uses them. Opaque: read it through
 * its device.
 */
public final class DeviceBuffer implements Buffer {

  private final Session session;
  private final Owner owner;
  private final long offset;
  private final long size;
  private final int elementBytes;

  /** Whatever holds the memory: says where it is as long as it may be used. */
  interface Owner {
    long address();
  }

  DeviceBuffer(Session session, Owner owner, long offset, long size, int elementBytes) {
    this.session = session;
    this.owner = owner;
    this.offset = offset;
    this.size = size;
    this.elementBytes = elementBytes;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public DeviceBuffer slice(long from, long length) {
    Objects.checkFromIndexSize(from, length, size);
    return new DeviceBuffer(session, owner, offset + from, length, elementBytes);
  }

  /**
   * Where the values are.
   *
   * @return device address of the first one
   * @throws IllegalStateException if the scope that owns the memory is closed
   */
  public long address() {
    return owner.address() + offset * elementBytes;
  }

  /**
   * Bytes of a value.
   *
   * @return 4 or 8
   */
  public int elementBytes() {
    return elementBytes;
  }

  /** Refuses a device that cannot read these values. */
  void requireUseBy(Session user, int bytes) {
    if (bytes != elementBytes || user != session) {
      throw new IllegalArgumentException(
          "buffer: found "
              + this
              + (user == session ? "" : " of another backend")
              + ", expected float"
              + 8 * bytes
              + " values of this one");
    }
  }

  @Override
  public String toString() {
    return "DeviceBuffer[" + size + (elementBytes == Float.BYTES ? " x float32]" : " x float64]");
  }
}
