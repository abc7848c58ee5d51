package dynaxx.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Single-precision matrix products; the counter {@code gflop} is their GFLOP/s. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
public class GemmBenchmark extends DeviceBenchmark {

  /**
   * {@code MxNxDEPTH}, {@code t} for a transposed right factor, {@code *MEMBERS} for a batch: sizes
   * that fit the second cache, the third, and none; one with few rows, bound by reading; attention
   * over 17 and 197 tokens; a convolution of 16 channels; the two products of the demo's MLP block.
   */
  @Param({
    "256x256x256",
    "512x512x512t",
    "2048x2048x2048t",
    "8x1024x1024t",
    "17x17x16t*2048",
    "197x197x64t*12",
    "144x7840x16",
    "4352x64x32t",
    "4352x32x64t"
  })
  public String shape;

  private Sgemm product;

  /** What a product adds to the counter. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Flop {

    /** Floating-point operations in units of 10^9. */
    public double gflop;
  }

  /** Makes the factors. */
  @Setup(Level.Trial)
  public void open() {
    openDevice();
    product = Sgemm.of(Sgemm.PREFIX + shape, device, scope);
  }

  /**
   * One product, or one batch of them.
   *
   * @param flop the counter
   */
  @Benchmark
  public void multiply(Flop flop) {
    product.run();
    flop.gflop += 2e-9 * product.multiplications();
  }
}
