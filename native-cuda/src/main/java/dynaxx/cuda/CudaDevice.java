package dynaxx.cuda;

import dynaxx.cuda.MemoryPool.Block;
import dynaxx.device.Device;
import dynaxx.device.Turns;
import dynaxx.kernel.Kernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;

/**
 * Computes on a GPU. Calls return as soon as the work is submitted; all of it goes through one
 * stream, in order. The calling thread's current CUDA context becomes this device's.
 */
public final class CudaDevice implements Device {

  /** Part of the free memory that activations may take when the caller states no limit. */
  private static final double SHARE = 0.8;

  private final Session session;
  private final CudaSettings settings;
  private final boolean wide;
  private final Launcher launcher;
  private final Algebra algebra;
  private final CudaKernels kernels;
  private CudaDevice float64;
  private boolean closed;

  private CudaDevice(Session session, Launcher launcher, CudaSettings settings, boolean wide) {
    this.launcher = launcher;
    algebra = new Algebra(launcher);
    kernels =
        CudaKernels.of(
            launcher,
            wide ? Blas.Type.FLOAT64 : settings.precision().type(),
            !wide && settings.precision() == Precision.TF32X3);
    this.session = session;
    this.settings = settings;
    this.wide = wide;
  }

  /**
   * Opens a device.
   *
   * @param settings which device, context, stream and precision
   * @return a new device, to be closed by the caller
   * @throws IllegalStateException if CUDA cannot be used here; the message says why
   */
  public static CudaDevice open(CudaSettings settings) {
    Session session = CudaDeviceProvider.session(settings);
    try {
      return new CudaDevice(session, new Launcher(session, "f32", Float.BYTES), settings, false);
    } catch (RuntimeException | Error e) {
      try {
        session.close();
      } catch (RuntimeException later) {
        e.addSuppressed(later);
      }
      throw e;
    }
  }

  @Override
  public String name() {
    return wide ? "cuda64" : "cuda";
  }

  @Override
  public String description() {
    return session.deviceName()
        + ", "
        + (session.totalMemory() >> 20)
        + " MiB, driver for CUDA "
        + Driver.versionText(session.driver().driverVersion())
        + ", cuBLAS "
        + session.blas().version()
        + " ("
        + session.blas().location()
        + "), "
        + (wide ? "fp64" : settings.precision().name().toLowerCase(Locale.ROOT));
  }

  @Override
  public double unitRoundoff() {
    return wide ? 0x1p-53 : settings.precision().unitRoundoff();
  }

  @Override
  public long defaultMemoryLimit() {
    return session
        .turns()
        .take(
            () -> {
              session.enter();
              return (long) (SHARE * session.pool().available());
            });
  }

  @Override
  public Turns turns() {
    return session.turns();
  }

  @Override
  public dynaxx.device.Algebra algebra() {
    return algebra;
  }

  @Override
  @SuppressWarnings("exports")
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public Buffer allocate(Scope scope, long size) {
    return session
        .turns()
        .take(
            () -> {
              session.enter();
              long bytes = Math.multiplyExact(size, launcher.elementBytes());
              Block block = session.pool().take(bytes, "buffers");
              try {
                scope.onClose(() -> session.giveBack(block));
                if (bytes > 0) {
                  session.driver().memory().set(block.address(), (byte) 0, bytes, session.stream());
                }
              } catch (RuntimeException | Error e) {
                session.giveBack(block);
                throw e;
              }
              return new DeviceBuffer(session, block::address, 0, size, launcher.elementBytes());
            });
  }

  @Override
  public Buffer place(Scope scope, Buffer values) {
    if (!(values instanceof DeviceBuffer device)) {
      return Device.super.place(scope, values);
    }
    if (wide && device.elementBytes() == Float.BYTES) {
      device.requireUseBy(session, Float.BYTES);
      return session.turns().take(() -> widened(scope, Launcher.address(device), device.size()));
    }
    device.requireUseBy(session, launcher.elementBytes());
    return values;
  }

  /**
   * Values that another library keeps on the device, used in place. What this device submits runs
   * in its own stream: open it with the other library's stream, or see to the order yourself.
   *
   * @param address device address, aligned to the size of a value; memory of this device's context,
   *     or of its device without a context (from {@code cudaMallocAsync}, or mapped)
   * @param size number of values, float32, or float64 on a float64 device
   * @return the values, valid as long as their owner keeps them
   * @throws IllegalArgumentException if there is no such memory, or less of it
   */
  public DeviceBuffer wrap(long address, long size) {
    return turns().take(() -> wrapped(address, size));
  }

  private DeviceBuffer wrapped(long address, long size) {
    session.enter();
    if (size < 0) {
      throw new IllegalArgumentException("size: found " + size + ", expected at least 0");
    }
    if (address % launcher.elementBytes() != 0) {
      throw new IllegalArgumentException(
          "address: found 0x"
              + Long.toHexString(address)
              + ", expected a multiple of "
              + launcher.elementBytes());
    }
    requireDeviceMemory(address, Math.multiplyExact(size, launcher.elementBytes()));
    return new DeviceBuffer(session, () -> address, 0, size, launcher.elementBytes());
  }

  private void requireDeviceMemory(long address, long bytes) {
    Driver driver = session.driver();
    long type = driver.memory().pointerAttribute(DriverMemory.POINTER_TYPE, address).orElse(0);
    if (type != DriverMemory.DEVICE_MEMORY) {
      throw unusable(address, type == 0 ? "" : " in host memory", "device memory");
    }
    long device = driver.memory().pointerAttribute(DriverMemory.POINTER_DEVICE, address).orElse(-1);
    if (device != session.device()) {
      throw unusable(address, " on device " + device, "device memory of " + session.device());
    }
    long context =
        driver.memory().pointerAttribute(DriverMemory.POINTER_CONTEXT, address).orElse(0);
    if (context != 0 && context != session.context()) {
      throw unusable(address, " in another context", "device memory of this device's context");
    }
    long there = driver.memory().bytesFrom(address).orElse(Long.MAX_VALUE);
    if (there < bytes) {
      throw unusable(address, " with " + there + " bytes after it", "at least " + bytes);
    }
  }

  private static IllegalArgumentException unusable(long address, String found, String expected) {
    return new IllegalArgumentException(
        "address: found 0x" + Long.toHexString(address) + found + ", expected " + expected);
  }

  @Override
  @SuppressWarnings("exports")
  public Scalars scalars(Scope scope, int size) {
    return session
        .turns()
        .take(
            () -> {
              session.enter();
              long bytes = (long) size * Double.BYTES;
              Block block = session.pool().take(bytes, "scalars");
              scope.onClose(() -> session.giveBack(block));
              DeviceScalars scalars = new DeviceScalars(session, block, size);
              scalars.clear();
              return scalars;
            });
  }

  @Override
  public Buffer upload(Scope scope, MemorySegment values) {
    return session
        .turns()
        .take(
            () -> {
              long size = values.byteSize() / Float.BYTES;
              if (!wide) {
                Buffer buffer = allocate(scope, size);
                session.upload(Launcher.address(buffer), values);
                return buffer;
              }
              try (Scope temporary = Scope.open()) {
                session.enter();
                Block block = session.pool().take(values.byteSize(), "upload");
                temporary.onClose(() -> session.giveBack(block));
                session.upload(block.address(), values);
                return widened(scope, block.address(), size);
              }
            });
  }

  /** A copy of float32 values on the device. */
  private Buffer widened(Scope scope, long from, long size) {
    Buffer buffer = allocate(scope, size);
    launcher.kernel("widen").i64(size).i64(from).p(buffer).launchElements(size, 1);
    return buffer;
  }

  @Override
  public void download(Buffer from, MemorySegment to) {
    session
        .turns()
        .take(
            () -> {
              session.enter();
              if (from instanceof DeviceBuffer device) {
                device.requireUseBy(session, launcher.elementBytes());
              }
              MemorySegment values = to.asSlice(0, from.size() * Float.BYTES);
              if (!wide) {
                session.download(Launcher.address(from), values);
                return;
              }
              try (Scope temporary = Scope.open()) {
                Block block = session.pool().take(values.byteSize(), "download");
                temporary.onClose(() -> session.giveBack(block));
                launcher
                    .kernel("narrow")
                    .i64(from.size())
                    .p(from)
                    .i64(block.address())
                    .launchElements(from.size(), 1);
                session.download(block.address(), values);
              }
            });
  }

  @Override
  public Optional<Device> float64() {
    return session
        .turns()
        .take(
            () -> {
              if (wide) {
                return Optional.empty();
              }
              if (float64 == null) {
                session.enter();
                float64 =
                    new CudaDevice(
                        session, new Launcher(session, "f64", Double.BYTES), settings, true);
              }
              return Optional.of(float64);
            });
  }

  /**
   * The context that this device computes in.
   *
   * @return a CUcontext, valid until the device is closed
   */
  public long context() {
    return session.context();
  }

  /**
   * The stream that all of this device's work goes through, in order. What another library submits
   * to it comes after the work submitted so far.
   *
   * @return a CUstream, valid until the device is closed
   */
  public long stream() {
    return session.stream();
  }

  /**
   * The float32 kernels as nvcc packed them, for programs that launch them themselves.
   *
   * @return an image that {@code cuModuleLoadData} takes
   * @throws IllegalStateException if this build has no kernels
   */
  public static byte[] kernelImage() {
    return Launcher.image("f32");
  }

  /**
   * Time that work takes on the device, from the first kernel's start to the last one's end.
   *
   * @param work submits to this device; may also read results
   * @return milliseconds, taken by CUDA events
   */
  public double milliseconds(Runnable work) {
    return turns().take(() -> timed(work));
  }

  private double timed(Runnable work) {
    session.enter();
    Driver driver = session.driver();
    long start = driver.streams().createEvent();
    try {
      return timed(work, start);
    } finally {
      driver.streams().destroyEvent(start);
    }
  }

  private double timed(Runnable work, long start) {
    Driver driver = session.driver();
    long end = driver.streams().createEvent();
    try {
      driver.streams().recordEvent(start, session.stream());
      work.run();
      driver.streams().recordEvent(end, session.stream());
      driver.streams().awaitEvent(end);
      return driver.streams().milliseconds(start, end);
    } finally {
      driver.streams().destroyEvent(end);
    }
  }

  @Override
  public boolean records() {
    return true;
  }

  @Override
  public Runnable recording(Scope scope, Runnable work) {
    Recording recording = new Recording(session, work);
    scope.onClose(recording::close);
    return recording;
  }

  @Override
  public void close() {
    // the float64 device ends with the one it belongs to
    turns()
        .take(
            () -> {
              if (!wide && !closed) {
                closed = true;
                session.close();
              }
            });
  }
}
