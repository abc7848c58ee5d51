package dynaxx.bench;

import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Kernels;
import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.kernel.Pointwise;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Kernels other than matrix products, over 4 million values. All but the convolution are bound by
 * memory: 4 million values take 0.8 ms each way at 20 GB/s.
 */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class KernelBenchmark extends DeviceBenchmark {

  private static final int VALUES = 1 << 22;
  private static final int COLS = 256;
  private static final int CHANNELS = 16;
  private static final int GROUPS = 4;
  private static final int EXTENT = 32;
  private static final int KERNEL = 3;
  private static final double EPSILON = 1e-5;

  /** One of each family, forward and backward where both matter. */
  @Param({
    "gelu",
    "gelu-backward",
    "layer-norm",
    "layer-norm-backward",
    "group-norm",
    "group-norm-backward",
    "softmax",
    "convolution",
    "convolution-weight"
  })
  public String kernel;

  private Runnable body;
  private Scalars end;

  /** Makes the data. */
  @Setup(Level.Trial)
  public void open() {
    openDevice();
    Buffer x = values(VALUES);
    Buffer dy = values(VALUES);
    Buffer y = values(VALUES);
    Buffer gains = values(COLS);
    Buffer shifts = values(COLS);
    Buffer stats = values(VALUES / EXTENT);
    Kernels k = device.kernels();
    Normalization rows = new Normalization(VALUES / COLS, COLS, EPSILON, true);
    int images = VALUES / (CHANNELS * EXTENT * EXTENT);
    ChannelNormalization planes =
        new ChannelNormalization(
            images, CHANNELS, EXTENT * EXTENT, GROUPS, EPSILON, Statistics.GROUP);
    Sliding window = new Sliding(EXTENT, KERNEL, 1, 1, 1, 1);
    Convolution shape = new Convolution(images, CHANNELS, CHANNELS, 1, window, window);
    Buffer weights = values(CHANNELS * CHANNELS * KERNEL * KERNEL);
    Pointwise gelu = Pointwise.of(Activation.GELU);
    k.norms().forward(rows, x, gains, shifts, y, stats);
    Strided w = Strided.of(weights);
    end = device.scalars(scope, 1);
    body =
        switch (kernel) {
          case "gelu" -> () -> k.activations().forward(gelu, VALUES, x, y);
          case "gelu-backward" -> () -> k.activations().backward(gelu, VALUES, x, dy, y, false);
          case "layer-norm" -> () -> k.norms().forward(rows, x, gains, shifts, y, stats);
          case "layer-norm-backward" ->
              () -> k.norms().backward(rows, x, stats, gains, dy, y, false, gains, shifts);
          case "group-norm" ->
              () -> k.channelNorms().forward(planes, null, x, gains, shifts, y, stats);
          case "group-norm-backward" ->
              () -> k.channelNorms().backward(planes, x, stats, gains, dy, y, false, gains, shifts);
          case "softmax" -> () -> k.softmax().forward(rows.rows(), COLS, x, y);
          case "convolution" ->
              () -> k.convolutions().convolve(shape, 1, Strided.of(x), w, null, y, false);
          case "convolution-weight" ->
              () ->
                  k.convolutions().convolveWeight(shape, 1, Strided.of(x), Strided.of(dy), w, null);
          default -> throw new IllegalArgumentException("kernel: found '" + kernel + "'");
        };
  }

  private Buffer values(int count) {
    Vectors made = device.vectors(scope, 1, count);
    device.algebra().rademacher(1, 0, made);
    return made.buffer();
  }

  /**
   * One call, and waiting for a device that is not done when it returns.
   *
   * @return a value
   */
  @Benchmark
  public double[] run() {
    body.run();
    return end.read();
  }
}
