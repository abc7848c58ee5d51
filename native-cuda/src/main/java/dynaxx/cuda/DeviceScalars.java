package dynaxx.cuda;

import dynaxx.backend.Scalars;
import dynaxx.cuda.internal.MemoryPool.Block;
import dynaxx.cuda.internal.Session;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Float64 accumulators in device memory; kernels of one stream add to them in order. */
final class DeviceScalars implements Scalars {

  private final Session session;
  private final Block block;
  private final int size;
  private final MemorySegment host;

  /**
   * Lays accumulators over memory.
   *
   * @param host page-locked memory for reading, at least as many values
   */
  DeviceScalars(Session session, Block block, int size, MemorySegment host) {
    this.session = session;
    this.block = block;
    this.size = size;
    this.host = host;
  }

  long address() {
    return block.address();
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void clear() {
    session.enter();
    session.driver().set(address(), (byte) 0, (long) size * Double.BYTES, session.stream());
  }

  @Override
  public double[] read() {
    session.enter();
    MemorySegment values = host.asSlice(0, (long) size * Double.BYTES);
    session.download(address(), values);
    return values.toArray(ValueLayout.JAVA_DOUBLE);
  }
}
