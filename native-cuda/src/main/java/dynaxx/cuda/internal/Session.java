package dynaxx.cuda.internal;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * One device, its context, one stream that all work goes through in order, and a cuBLAS handle on
 * that stream. The calling thread's current context becomes this one.
 */
public final class Session implements AutoCloseable {

  private static final int COMPUTE_MAJOR = 75;
  private static final int COMPUTE_MINOR = 76;
  private static final int MULTIPROCESSORS = 16;
  private static final long BLAS_WORKSPACE = 32L << 20;

  private final Driver driver;
  private final Blas blas;
  private final int device;
  private final long context;
  private final long stream;
  private final long blasHandle;
  private final MemoryPool pool;
  private final Deque<Runnable> owned = new ArrayDeque<>();

  /**
   * Opens a device.
   *
   * @param ordinal which
   * @param foreignContext a context that somebody else owns, or 0 for the device's primary context
   * @param foreignStream a stream of that context that somebody else owns, or 0 for a new one
   * @param memoryLimit bytes that may be allocated at most
   */
  public Session(int ordinal, long foreignContext, long foreignStream, long memoryLimit) {
    this.driver = new Driver();
    this.blas = new Blas();
    if (ordinal < 0 || ordinal >= driver.deviceCount()) {
      throw new LoadException(
          "device: found " + ordinal + ", expected 0 to " + (driver.deviceCount() - 1));
    }
    this.device = driver.device(ordinal);
    try {
      if (foreignContext == 0) {
        this.context = driver.retainPrimaryContext(device);
        owned.push(() -> driver.releasePrimaryContext(device));
      } else {
        this.context = foreignContext;
      }
      driver.setCurrentContext(context);
      if (foreignStream == 0) {
        this.stream = driver.createStream();
        owned.push(() -> driver.destroyStream(stream()));
      } else {
        this.stream = foreignStream;
      }
      this.pool = new MemoryPool(driver, memoryLimit, driver.totalMemory(device));
      owned.push(pool::close);
      this.blasHandle = blas.create();
      owned.push(() -> blas.destroy(blasHandle()));
      blas.use(
          blasHandle,
          stream,
          pool.take(BLAS_WORKSPACE, "cuBLAS workspace").address(),
          BLAS_WORKSPACE);
    } catch (RuntimeException | Error e) {
      try {
        close();
      } catch (RuntimeException | Error later) {
        e.addSuppressed(later);
      }
      throw e;
    }
  }

  /** Makes the context the calling thread's. */
  public void enter() {
    if (driver.currentContext() != context) {
      driver.setCurrentContext(context);
    }
  }

  /** Waits until the device has done what was submitted. */
  public void synchronize() {
    driver.synchronize(stream);
  }

  /**
   * Something to be freed with this session, before what was registered earlier.
   *
   * @param action frees it
   */
  public void onClose(Runnable action) {
    owned.push(action);
  }

  /**
   * The driver.
   *
   * @return loaded and initialised
   */
  public Driver driver() {
    return driver;
  }

  /**
   * cuBLAS.
   *
   * @return loaded
   */
  public Blas blas() {
    return blas;
  }

  /**
   * A cuBLAS handle on the stream.
   *
   * @return the handle
   */
  public long blasHandle() {
    return blasHandle;
  }

  /**
   * Where all work goes.
   *
   * @return the stream
   */
  public long stream() {
    return stream;
  }

  /**
   * Device memory.
   *
   * @return the pool
   */
  public MemoryPool pool() {
    return pool;
  }

  /**
   * Model of the device.
   *
   * @return as the driver names it
   */
  public String deviceName() {
    return driver.deviceName(device);
  }

  /**
   * Compute capability.
   *
   * @return 10 major + minor
   */
  public int capability() {
    return 10 * driver.attribute(COMPUTE_MAJOR, device) + driver.attribute(COMPUTE_MINOR, device);
  }

  /**
   * Number of multiprocessors.
   *
   * @return the count
   */
  public int multiprocessors() {
    return driver.attribute(MULTIPROCESSORS, device);
  }

  /**
   * Memory of the device.
   *
   * @return bytes
   */
  public long totalMemory() {
    return driver.totalMemory(device);
  }

  /**
   * Copies host memory to the device and waits.
   *
   * @param to device address
   * @param from host memory
   */
  public void upload(long to, MemorySegment from) {
    if (from.byteSize() > 0) {
      driver.copyToDevice(to, from, from.byteSize(), stream);
      synchronize();
    }
  }

  /**
   * Copies device memory to the host and waits.
   *
   * @param from device address
   * @param to host memory, as much as is copied
   */
  public void download(long from, MemorySegment to) {
    if (to.byteSize() > 0) {
      driver.copyToHost(to, from, to.byteSize(), stream);
    }
    synchronize();
  }

  @Override
  public void close() {
    RuntimeException first = null;
    if (!owned.isEmpty()) {
      try {
        driver.setCurrentContext(context);
      } catch (RuntimeException e) {
        first = e;
      }
    }
    while (!owned.isEmpty()) {
      try {
        owned.pop().run();
      } catch (RuntimeException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
