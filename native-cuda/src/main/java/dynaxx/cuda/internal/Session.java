package dynaxx.cuda.internal;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
  private static final long LEAST_STAGING = 4096;
  private static final long BLAS_WORKSPACE = 32L << 20;

  private final Driver driver;
  private final Blas blas;
  private final int device;
  private final long context;
  private final long stream;
  private final long blasHandle;
  private final MemoryPool pool;
  private final Deque<Runnable> owned = new ArrayDeque<>();
  private MemorySegment staging;

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
      owned.push(this::freeStaging);
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
   * Takes memory back, also after the session has ended: then it is free already.
   *
   * @param block of this session's pool
   */
  public void giveBack(MemoryPool.Block block) {
    if (!owned.isEmpty()) {
      enter();
      pool.giveBack(block);
    }
  }

  /**
   * Records what some work submits, without doing it.
   *
   * @param work submits to this session's stream and neither allocates nor waits
   * @return a graph that can be launched, to be destroyed by {@link #destroyGraph}
   */
  public long capture(Runnable work) {
    driver.beginCapture(stream);
    long captured;
    try {
      work.run();
    } catch (RuntimeException | Error e) {
      try {
        driver.destroyGraph(driver.endCapture(stream));
      } catch (RuntimeException later) {
        e.addSuppressed(later);
      }
      throw e;
    }
    captured = driver.endCapture(stream);
    try {
      return driver.instantiate(captured);
    } finally {
      driver.destroyGraph(captured);
    }
  }

  /**
   * Frees a graph, also after the session has ended: then it is free already.
   *
   * @param graph from {@link #capture}
   */
  public void destroyGraph(long graph) {
    if (!owned.isEmpty()) {
      enter();
      driver.destroyInstance(graph);
    }
  }

  /**
   * The context of all work.
   *
   * @return the context
   */
  public long context() {
    return context;
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

  /**
   * Copies float64 values to the host, through page-locked memory, and waits.
   *
   * @param from device address
   * @param count number of values
   * @return the values
   */
  public double[] read(long from, int count) {
    long bytes = (long) count * Double.BYTES;
    MemorySegment values = staging(bytes).asSlice(0, bytes);
    download(from, values);
    return values.toArray(ValueLayout.JAVA_DOUBLE);
  }

  /**
   * Copies float64 values to the device, through page-locked memory, and waits.
   *
   * @param to device address
   * @param values what to copy
   */
  public void write(long to, double[] values) {
    long bytes = (long) values.length * Double.BYTES;
    MemorySegment staged = staging(bytes).asSlice(0, bytes);
    MemorySegment.copy(values, 0, staged, ValueLayout.JAVA_DOUBLE, 0, values.length);
    upload(to, staged);
  }

  private MemorySegment staging(long bytes) {
    if (staging == null || staging.byteSize() < bytes) {
      freeStaging();
      staging = driver.allocateHost(Math.max(2 * bytes, LEAST_STAGING));
    }
    return staging;
  }

  private void freeStaging() {
    if (staging != null) {
      driver.freeHost(staging);
      staging = null;
    }
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
