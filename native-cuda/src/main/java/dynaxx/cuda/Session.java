package dynaxx.cuda;

import dynaxx.device.Turns;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * One device, its context, one stream that all work goes through in order, and cuBLAS on that
 * stream. The calling thread's current context becomes this one until the session is closed.
 */
final class Session implements AutoCloseable {

  private final Turns turns = new Turns();
  private static final int COMPUTE_MAJOR = 75;
  private static final int COMPUTE_MINOR = 76;
  private static final int MULTIPROCESSORS = 16;
  private static final long LEAST_STAGING = 4096;
  private static final long BLAS_WORKSPACE = 32L << 20;

  private final Driver driver;
  private final long previousContext;
  private final Deque<Runnable> owned = new ArrayDeque<>();
  private final Set<Long> graphs = new HashSet<>();
  private int device;
  private long context;
  private long stream;
  private long captureStream;
  private Blas blas;
  private long blasWorkspace;
  private boolean blasFollows;
  private MemoryPool pool;
  private MemorySegment staging;
  private boolean capturing;
  private boolean closed;

  /**
   * Opens a device.
   *
   * @param ordinal which, unless the context says so
   * @param foreignContext a context that somebody else owns, or 0 for the device's primary context
   * @param foreignStream a stream of that context that somebody else owns, or 0 for a new one
   * @param memoryLimit bytes that may be allocated at most
   */
  Session(int ordinal, long foreignContext, long foreignStream, long memoryLimit) {
    driver = new Driver();
    if (foreignContext == 0 && (ordinal < 0 || ordinal >= driver.deviceCount())) {
      throw new LoadException(
          "device: found " + ordinal + ", expected 0 to " + (driver.deviceCount() - 1));
    }
    previousContext = driver.currentContext();
    try {
      openContext(ordinal, foreignContext);
      openStreams(foreignContext, foreignStream);
      pool = new MemoryPool(driver, memoryLimit, driver.totalMemory(device), this::synchronize);
      owned.push(pool::close);
      owned.push(this::freeStaging);
      blas = Blas.open(driver.driverVersion());
      owned.push(blas::close);
      blasWorkspace = pool.take(BLAS_WORKSPACE, "cuBLAS workspace").address();
      follow();
    } catch (RuntimeException | Error e) {
      try {
        close();
      } catch (RuntimeException | Error later) {
        e.addSuppressed(later);
      }
      throw e;
    }
  }

  private void openContext(int ordinal, long foreign) {
    if (foreign == 0) {
      device = driver.device(ordinal);
      context = driver.retainPrimaryContext(device);
      owned.push(() -> driver.releasePrimaryContext(device));
      driver.setCurrentContext(context);
    } else {
      context = foreign;
      driver.setCurrentContext(context);
      device = driver.currentDevice();
    }
  }

  /**
   * Work is captured where another library's calls cannot spoil the capture, nor it theirs: not in
   * its own stream, which may be a default stream, nor in one that waits for the default stream.
   */
  private void openStreams(long foreignContext, long foreignStream) {
    boolean alone = foreignContext == 0 && foreignStream == 0;
    stream = foreignStream == 0 ? newStream(!alone) : foreignStream;
    captureStream = alone ? stream : newStream(false);
  }

  private long newStream(boolean waits) {
    long created = driver.streams().createStream(waits);
    owned.push(() -> driver.streams().destroyStream(created));
    return created;
  }

  /** How threads share the device. */
  Turns turns() {
    return turns;
  }

  /** Makes the context the calling thread's. */
  void enter() {
    if (driver.currentContext() != context) {
      driver.setCurrentContext(context);
    }
  }

  /** Waits until the device has done what was submitted. */
  void synchronize() {
    driver.streams().synchronize(stream);
  }

  /**
   * Something to be freed with this session, before what was registered earlier.
   *
   * @param action frees it
   */
  void onClose(Runnable action) {
    owned.push(action);
  }

  /**
   * Takes memory back, also after the session has ended: then it is free already.
   *
   * @param block of this session's pool
   */
  void giveBack(MemoryPool.Block block) {
    turns.take(
        () -> {
          if (!closed) {
            enter();
            pool.giveBack(block);
          }
        });
  }

  /**
   * A call that needs device memory beside what is in the pool; if there is none, once more without
   * what the pool keeps for later.
   *
   * @param call has no effect when it fails
   * @return what it returns
   */
  <T> T withRoom(Supplier<T> call) {
    try {
      return call.get();
    } catch (CudaException e) {
      if (e.status() != DriverMemory.OUT_OF_MEMORY) {
        throw e;
      }
      pool.trim();
      return call.get();
    }
  }

  /**
   * Records what some work submits, without doing it.
   *
   * @param work submits to {@link #stream} and neither allocates nor waits
   * @return a graph that can be launched, until {@link #destroyGraph} or the session's end
   */
  long capture(Runnable work) {
    long graph = withRoom(() -> captured(work));
    graphs.add(graph);
    return graph;
  }

  private long captured(Runnable work) {
    long usual = stream;
    long instance;
    try {
      submitTo(captureStream);
      driver.streams().beginCapture(stream);
      long recorded = endOfCapture(work);
      try {
        instance = driver.streams().instantiate(recorded);
      } finally {
        driver.streams().destroyGraph(recorded);
      }
    } catch (RuntimeException | Error e) {
      afterwards(e, () -> submitTo(usual));
      throw e;
    }
    try {
      submitTo(usual);
    } catch (RuntimeException | Error e) {
      afterwards(e, () -> driver.streams().destroyInstance(instance));
      throw e;
    }
    return instance;
  }

  /** Does what a failure leaves to be done; if that fails too, the first failure says so. */
  private static void afterwards(Throwable failure, Runnable step) {
    try {
      step.run();
    } catch (RuntimeException later) {
      failure.addSuppressed(later);
    }
  }

  /** Whether work is being recorded, which neither allocates nor keeps. */
  boolean capturing() {
    return capturing;
  }

  private long endOfCapture(Runnable work) {
    try {
      capturing = true;
      try {
        work.run();
      } finally {
        capturing = false;
      }
      return driver.streams().endCapture(stream);
    } catch (RuntimeException | Error e) {
      afterwards(e, () -> driver.streams().destroyGraph(driver.streams().endCapture(stream)));
      throw e;
    }
  }

  private void submitTo(long next) {
    if (stream != next) {
      stream = next;
      blasFollows = false;
    }
    follow();
  }

  /** Products go where all other work goes. */
  private void follow() {
    if (!blasFollows) {
      blas.use(stream, blasWorkspace, BLAS_WORKSPACE);
      blasFollows = true;
    }
  }

  /**
   * Does what was recorded.
   *
   * @param graph from {@link #capture}
   */
  void launchGraph(long graph) {
    withRoom(
        () -> {
          driver.streams().launchGraph(graph, stream);
          return graph;
        });
  }

  /**
   * Frees a graph, also after the session has ended: then it is free already.
   *
   * @param graph from {@link #capture}
   */
  void destroyGraph(long graph) {
    if (graphs.remove(graph)) {
      enter();
      driver.streams().destroyInstance(graph);
    }
  }

  /**
   * The device of all work.
   *
   * @return its ordinal
   */
  int device() {
    return device;
  }

  /**
   * The context of all work.
   *
   * @return the context
   */
  long context() {
    return context;
  }

  /**
   * The driver.
   *
   * @return loaded and initialised
   */
  Driver driver() {
    return driver;
  }

  /**
   * cuBLAS.
   *
   * @return loaded
   */
  Blas blas() {
    follow();
    return blas;
  }

  /**
   * Where all work goes.
   *
   * @return the stream
   */
  long stream() {
    return stream;
  }

  /**
   * Device memory.
   *
   * @return the pool
   */
  MemoryPool pool() {
    return pool;
  }

  /**
   * Model of the device.
   *
   * @return as the driver names it
   */
  String deviceName() {
    return driver.deviceName(device);
  }

  /**
   * Compute capability.
   *
   * @return 10 major + minor
   */
  int capability() {
    return 10 * driver.attribute(COMPUTE_MAJOR, device) + driver.attribute(COMPUTE_MINOR, device);
  }

  /**
   * Number of multiprocessors.
   *
   * @return the count
   */
  int multiprocessors() {
    return driver.attribute(MULTIPROCESSORS, device);
  }

  /**
   * Memory of the device.
   *
   * @return bytes
   */
  long totalMemory() {
    return driver.totalMemory(device);
  }

  /**
   * Copies host memory to the device and waits.
   *
   * @param to device address
   * @param from host memory
   */
  void upload(long to, MemorySegment from) {
    if (from.byteSize() > 0) {
      driver.memory().copyToDevice(to, from, from.byteSize(), stream);
      synchronize();
    }
  }

  /**
   * Copies device memory to the host and waits.
   *
   * @param from device address
   * @param to host memory, as much as is copied
   */
  void download(long from, MemorySegment to) {
    if (to.byteSize() > 0) {
      driver.memory().copyToHost(to, from, to.byteSize(), stream);
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
  double[] read(long from, int count) {
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
  void write(long to, double[] values) {
    long bytes = (long) values.length * Double.BYTES;
    MemorySegment staged = staging(bytes).asSlice(0, bytes);
    MemorySegment.copy(values, 0, staged, ValueLayout.JAVA_DOUBLE, 0, values.length);
    upload(to, staged);
  }

  private MemorySegment staging(long bytes) {
    if (staging == null || staging.byteSize() < bytes) {
      freeStaging();
      staging = withRoom(() -> driver.memory().allocateHost(Math.max(2 * bytes, LEAST_STAGING)));
    }
    return staging;
  }

  private void freeStaging() {
    if (staging != null) {
      driver.memory().freeHost(staging);
      staging = null;
    }
  }

  /** Waits for the device, frees everything and makes the former context current again. */
  @Override
  public void close() {
    if (closed || context == 0) {
      return;
    }
    closed = true;
    List<Runnable> steps = new ArrayList<>();
    long current = driver.currentContext();
    steps.add(() -> driver.setCurrentContext(context));
    steps.add(this::synchronize);
    graphs.forEach(graph -> steps.add(() -> driver.streams().destroyInstance(graph)));
    graphs.clear();
    steps.addAll(owned);
    steps.add(() -> driver.setCurrentContext(current == context ? previousContext : current));
    runAll(steps);
  }

  private static void runAll(List<Runnable> steps) {
    RuntimeException first = null;
    for (Runnable step : steps) {
      try {
        step.run();
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
