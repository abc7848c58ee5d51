package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.GemmKernels;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;

/**
 * Kernel families in machine code that take the place of those in Java; found by {@link
 * java.util.ServiceLoader}. Threads stay those of the device.
 */
public interface NativeKernels {

  /** How products are computed. */
  enum Precision {
    /** float32 multiplications and sums. */
    FP32(0x1p-24),
    /** Six products of three bfloat16 parts, added in float32; needs a matrix unit. */
    BF16X6(0x1p-23),
    /** Three products of two bfloat16 parts, added in float32; needs a matrix unit. */
    BF16X3(0x1p-16);

    private final double unitRoundoff;

    Precision(double unitRoundoff) {
      this.unitRoundoff = unitRoundoff;
    }

    /**
     * Bound of the relative error of one multiplication.
     *
     * @return for noise floors
     */
    public double unitRoundoff() {
      return unitRoundoff;
    }

    /** As in {@code -Ddynaxx.cpu.precision}. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Runs the tasks of a call on the threads of the device. */
  @FunctionalInterface
  interface Tasks {

    /**
     * Runs all tasks and returns when they are done.
     *
     * @param tasks how many
     * @param workPerTask rough number of elementary steps of one task
     * @param bytes work memory that a task needs
     * @param body what each does
     */
    void run(int tasks, long workPerTask, long bytes, Body body);
  }

  /** One task. */
  @FunctionalInterface
  interface Body {

    /**
     * Runs it.
     *
     * @param task which one
     * @param work memory of this thread, aligned to 64 bytes; what it holds is arbitrary
     */
    void run(int task, MemorySegment work);
  }

  /**
   * What a device takes instead of its own.
   *
   * @param description for run reports, for example {@code AVX-512 in C}
   * @param gemm matrix products
   * @param convolutions convolutions, or null for those in Java
   */
  record Families(String description, GemmKernels gemm, ConvolutionKernels convolutions) {}

  /**
   * Whether this machine can run them. Never throws.
   *
   * @param precision of products
   * @return nothing if it can; otherwise why not, one line
   */
  Optional<String> unavailable(Precision precision);

  /**
   * Opens them for one device.
   *
   * @param precision one that is not {@linkplain #unavailable unavailable}
   * @param tasks runs on the threads of the device
   * @param threads how many these are
   * @return the families
   */
  Families open(Precision precision, Tasks tasks, int threads);
}
