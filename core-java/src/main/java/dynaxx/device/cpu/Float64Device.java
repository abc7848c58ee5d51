package dynaxx.device.cpu;

import dynaxx.device.Device;
import dynaxx.device.Turns;
import dynaxx.kernel.Kernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * Computes in host memory and in float64, for certificates: the bodies of the float32 kernels over
 * plain loops in double precision. It shares the threads of the float32 device that made it and is
 * closed with it.
 */
final class Float64Device implements Device {

  private final WorkerPool pool;
  private final long memoryLimit;
  private final Float64Loops loops = new Float64Loops();
  private final Algebra<double[]> algebra;
  private final Convolutions<double[]> convolutions;
  private final Attention<double[]> attention;
  private final CpuKernels kernels;

  Float64Device(WorkerPool pool, long memoryLimit) {
    this.pool = pool;
    this.memoryLimit = memoryLimit;
    algebra = new Algebra<>(pool, loops);
    Float64Gemm gemm = new Float64Gemm(pool);
    convolutions = new Convolutions<>(pool, loops, gemm);
    attention = new Attention<>(pool, loops, Float64Gemm::new);
    kernels = CpuKernels.of(pool, loops, gemm, attention, convolutions);
  }

  /** What {@link #close} leaves to the device that made this one. */
  void release() {
    attention.close();
    convolutions.close();
  }

  @Override
  public String name() {
    return "cpu64";
  }

  @Override
  public String description() {
    return loops.description() + ", " + pool.description();
  }

  @Override
  public double unitRoundoff() {
    return 0x1p-53;
  }

  /** Half of what float32 may take, since callers count four bytes for a value. */
  @Override
  public long defaultMemoryLimit() {
    return memoryLimit / 2;
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
    return loops.allocate(scope, size);
  }

  @Override
  public Scalars scalars(Scope scope, int size) {
    return new HostScalars(size);
  }

  @Override
  public Buffer upload(Scope scope, MemorySegment values) {
    Buffer buffer = allocate(scope, HostBuffer.of(values).size());
    new Pieces(pool)
        .run(
            buffer.size(),
            1,
            (from, size, scratch) -> {
              double[] v = scratch.doubles(0, size);
              for (int j = 0; j < size; j++) {
                v[j] = Host.get(values, from + j);
              }
              loops.store(v, buffer, from, size);
            });
    return buffer;
  }

  @Override
  public void download(Buffer from, MemorySegment to) {
    new Pieces(pool)
        .run(
            from.size(),
            1,
            (at, size, scratch) -> {
              double[] v = scratch.doubles(0, size);
              loops.load(from, at, v, size);
              for (int j = 0; j < size; j++) {
                Host.set(to, at + j, (float) v[j]);
              }
            });
  }

  @Override
  public Optional<Device> float64() {
    return Optional.of(this);
  }

  /** Does nothing: the threads belong to the device that made this one. */
  @Override
  public void close() {}
}
