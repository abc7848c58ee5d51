package dynaxx.cuda;

import dynaxx.cuda.MemoryPool.Block;
import dynaxx.kernel.Scalars;

/** Float64 accumulators in device memory; kernels of one stream add to them in order. */
final class DeviceScalars implements Scalars {

  private final Session session;
  private final Block block;
  private final int first;
  private final int size;

  DeviceScalars(Session session, Block block, int size) {
    this(session, block, 0, size);
  }

  private DeviceScalars(Session session, Block block, int first, int size) {
    this.session = session;
    this.block = block;
    this.first = first;
    this.size = size;
  }

  long address() {
    return block.address() + (long) first * Double.BYTES;
  }

  @Override
  public Scalars part(int from, int count) {
    return new DeviceScalars(session, block, first + from, count);
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void clear() {
    session
        .turns()
        .take(
            () -> {
              session.enter();
              session
                  .driver()
                  .memory()
                  .set(address(), (byte) 0, (long) size * Double.BYTES, session.stream());
            });
  }

  @Override
  public double[] read() {
    return session
        .turns()
        .take(
            () -> {
              session.enter();
              return session.read(address(), size);
            });
  }
}
