package dynaxx.device.cpu;

import dynaxx.device.Device;
import dynaxx.device.Turns;
import dynaxx.kernel.Kernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scalars;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Computes in host memory and in float64, for certificates: every kernel the plain loop of its
 * definition. It shares the threads of the float32 device that made it and is closed with it; like
 * one device, the two are used by one thread at a time.
 */
final class Float64Device implements Device {

  private final WorkerPool pool;
  private final long memoryLimit;
  private final Float64Algebra algebra;
  private final CpuKernels kernels;

  Float64Device(WorkerPool pool, long memoryLimit) {
    this.pool = pool;
    this.memoryLimit = memoryLimit;
    Float64Loops loops = new Float64Loops(pool);
    algebra = new Float64Algebra(loops);
    kernels =
        new CpuKernels(
            new Float64Gemm(pool),
            new Float64Activations(loops),
            new Float64Elementwise(loops),
            new Float64Norms(loops),
            new ChannelNorms(pool, Wide.FLOAT64),
            new Float64Softmax(loops),
            new Float64Rows(loops),
            new Float64Gathers(loops),
            new Float64Strides(loops),
            new Float64Convolutions(loops),
            new Pools(pool, Wide.FLOAT64),
            new Float64Losses(loops));
  }

  @Override
  public String name() {
    return "cpu64";
  }

  @Override
  public String description() {
    return "float64, plain Java, " + pool.description();
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
  public Buffer allocate(Scope scope, long size) {
    return Float64Buffer.allocate(scope, size);
  }

  @Override
  public Scalars scalars(Scope scope, int size) {
    return new HostScalars(size);
  }

  @Override
  public Buffer upload(Scope scope, MemorySegment values) {
    Float64Buffer buffer = Float64Buffer.allocate(scope, HostBuffer.of(values).size());
    algebra.widen(values, buffer);
    return buffer;
  }

  @Override
  public void download(Buffer from, MemorySegment to) {
    algebra.round(from, to);
  }

  @Override
  public Optional<Device> float64() {
    return Optional.of(this);
  }

  /** Does nothing: the threads belong to the device that made this one. */
  @Override
  public void close() {}
}
