package dynaxx.device.cpu;

import dynaxx.device.Device;
import dynaxx.device.Turns;
import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.Kernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.IntConsumer;

/** Computes in host memory. Every call has ended when it returns. */
final class CpuDevice implements Device {

  private static final long MINIMUM_LIMIT = 64L << 20;

  private final WorkerPool pool;
  private final RowLoops loops;
  private final Algebra<float[]> algebra;
  private final Attention<float[]> attention;
  private final CpuKernels kernels;
  private final String products;
  private final double unitRoundoff;
  private Float64Device float64;

  CpuDevice(int threads, RowLoops loops, Natives.Choice natives) {
    this.loops = loops;
    pool = new WorkerPool(threads);
    algebra = new Algebra<>(pool, loops);
    Function<WorkerPool, GemmKernels> gemms = own -> new Gemm(own, loops);
    GemmKernels gemm = null;
    ConvolutionKernels convolutions = null;
    String description = natives.description();
    if (natives.kernels() != null) {
      NativeKernels.Families families = open(natives, pool);
      gemm = families.gemm();
      gemms = own -> open(natives, own).gemm();
      convolutions = families.convolutions();
      description = "products by " + families.description();
    }
    products = description;
    unitRoundoff = natives.precision().unitRoundoff();
    attention = new Attention<>(pool, loops, gemms);
    kernels =
        CpuKernels.of(
            pool,
            loops,
            gemm != null ? gemm : gemms.apply(pool),
            attention,
            convolutions != null ? convolutions : new DirectConvolutions(pool, loops));
  }

  private static NativeKernels.Families open(Natives.Choice natives, WorkerPool pool) {
    return natives
        .kernels()
        .open(
            natives.precision(),
            (tasks, workPerTask, bytes, body) ->
                pool.run(
                    tasks, workPerTask, (task, scratch) -> body.run(task, scratch.bytes(bytes))),
            pool.threads());
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String description() {
    return loops.description() + ", " + products + ", " + pool.description();
  }

  @Override
  public double unitRoundoff() {
    return unitRoundoff;
  }

  @Override
  public long defaultMemoryLimit() {
    // the JVM sizes its heap to a quarter of the machine unless told otherwise; memory of this
    // device lies beside the heap
    return Math.max(MINIMUM_LIMIT, Runtime.getRuntime().maxMemory());
  }

  @Override
  public Turns turns() {
    return pool.turns();
  }

  @Override
  public dynaxx.device.Algebra algebra() {
    return algebra;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public void share(int tasks, long workPerTask, IntConsumer work) {
    pool.run(tasks, workPerTask, (task, scratch) -> work.accept(task));
  }

  @Override
  public Buffer allocate(Scope scope, long size) {
    return scope.allocate(size);
  }

  @Override
  public Scalars scalars(Scope scope, int size) {
    return new HostScalars(size);
  }

  @Override
  public Buffer upload(Scope scope, MemorySegment values) {
    return HostBuffer.of(values);
  }

  @Override
  public void download(Buffer from, MemorySegment to) {
    MemorySegment.copy(Host.segment(from), 0, to, 0, from.size() * Float.BYTES);
  }

  @Override
  public Optional<Device> float64() {
    return turns().take(this::openFloat64);
  }

  private Optional<Device> openFloat64() {
    if (float64 == null) {
      float64 = new Float64Device(pool, defaultMemoryLimit());
    }
    return Optional.of(float64);
  }

  @Override
  public void close() {
    turns()
        .take(
            () -> {
              if (float64 != null) {
                float64.release();
              }
              attention.close();
              pool.close();
            });
  }
}
