package dynaxx.bench;

import dynaxx.cuda.CudaDevice;
import dynaxx.cuda.CudaSettings;
import dynaxx.cuda.DeviceBuffer;
import dynaxx.jcuda.JCudaBridge;
import dynaxx.jcuda.JCudaKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.TimeUnit;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a call of the CUDA driver costs through the Foreign Function and Memory API and through
 * JCuda. {@code current} asks for the current context, which the driver answers at once. {@code
 * launch} packs the arguments of a kernel that fills one value and launches it.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(3)
public class CallBenchmark {

  private static final int LAUNCHES = 1000;
  private static final MethodHandle CURRENT =
      Linker.nativeLinker()
          .downcallHandle(FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));

  private final CUcontext found = new CUcontext();
  private CudaDevice device;
  private dynaxx.memory.Scope scope;
  private DeviceBuffer value;
  private JCudaKernels kernels;
  private CUstream stream;
  private CUdeviceptr pointer;
  private MemorySegment cuCtxGetCurrent;
  private MemorySegment context;

  /** Opens the device, and the same context and stream for JCuda. */
  @Setup(Level.Trial)
  public void open() {
    device = CudaDevice.open(CudaSettings.DEFAULT);
    scope = dynaxx.memory.Scope.open();
    value = (DeviceBuffer) device.allocate(scope, 1);
    kernels = JCudaKernels.load();
    stream = JCudaBridge.stream(device);
    pointer = JCudaBridge.pointer(value);
    cuCtxGetCurrent =
        SymbolLookup.libraryLookup("libcuda.so.1", Arena.global()).findOrThrow("cuCtxGetCurrent");
    context = Arena.global().allocate(ValueLayout.ADDRESS);
  }

  /** Frees what was opened. */
  @TearDown(Level.Trial)
  public void close() {
    kernels.close();
    scope.close();
    device.close();
  }

  /**
   * The current context by FFM.
   *
   * @return the status
   * @throws Throwable never
   */
  @Benchmark
  public int currentByFfm() throws Throwable {
    return (int) CURRENT.invokeExact(cuCtxGetCurrent, context);
  }

  /**
   * The current context by JCuda.
   *
   * @return the status
   */
  @Benchmark
  public int currentByJcuda() {
    return JCudaDriver.cuCtxGetCurrent(found);
  }

  /**
   * A launch by dynaxx's device.
   *
   * @return the filled value
   */
  @Benchmark
  @OperationsPerInvocation(LAUNCHES)
  public double launchByFfm() {
    for (int i = 0; i < LAUNCHES; i++) {
      device.algebra().fill(value, 7);
    }
    return device.algebra().dot(value, value);
  }

  /**
   * The same launch by JCuda.
   *
   * @return the filled value
   */
  @Benchmark
  @OperationsPerInvocation(LAUNCHES)
  public double launchByJcuda() {
    for (int i = 0; i < LAUNCHES; i++) {
      kernels.kernel("fill").pointer(pointer).int64(1).float64(7).launch(stream, 1, 1, 256);
    }
    return device.algebra().dot(value, value);
  }
}
