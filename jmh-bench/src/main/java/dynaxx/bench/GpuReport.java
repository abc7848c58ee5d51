package dynaxx.bench;

import dynaxx.cuda.CudaDevice;
import dynaxx.cuda.CudaSettings;
import dynaxx.cuda.Precision;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.TraceEstimator;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;

/**
 * Times by CUDA events what the peers in {@code jmh-bench/peers} time too, one JSON object a line:
 * gradient, products, quadratic forms, and a snapshot of 15 Lanczos steps and 8 probes.
 *
 * <p>Arguments: networks, batches and precisions, each a list with commas, and optionally how often
 * each is timed, 3 unless stated. A snapshot is timed once. Parameters lie on the device, as they
 * do for the peers.
 */
public final class GpuReport {

  private static final int DIRECTIONS = 8;

  /** Of a snapshot; fewer are for trying this out. */
  private static final int LANCZOS_STEPS = Integer.getInteger("dynaxx.bench.steps", 15);

  private static final int REPETITIONS = 3;
  private static final int DISTINCT = 999_983;

  /** Rows of the product whose rate is the yardstick; smaller ones are for trying this out. */
  private static final int SQUARE = Integer.getInteger("dynaxx.bench.square", 8192);

  private GpuReport() {}

  /**
   * Runs.
   *
   * @param args for example {@code vit-s16,vit-b16 64,256 fp32,tf32x3}
   */
  public static void main(String[] args) {
    if (args.length < 3 || args.length > 4) {
      throw new IllegalArgumentException(
          "arguments: found "
              + args.length
              + ", expected NETWORKS BATCHES PRECISIONS [REPETITIONS]");
    }
    int repetitions = args.length == 4 ? Integer.parseInt(args[3]) : REPETITIONS;
    for (String precision : args[2].split(",")) {
      CudaSettings settings =
          CudaSettings.DEFAULT.withPrecision(Precision.valueOf(precision.toUpperCase(Locale.ROOT)));
      try (CudaDevice device = CudaDevice.open(settings)) {
        double rate = gemmRate(device, repetitions);
        System.out.printf(
            Locale.ROOT,
            "{\"implementation\":\"dynaxx\",\"precision\":\"%s\",\"device\":\"%s\","
                + "\"gemm_tflops\":%.2f}%n",
            precision,
            device.description(),
            rate / 1e12);
        for (String network : args[0].split(",")) {
          for (String batch : args[1].split(",")) {
            measure(device, precision, network, Integer.parseInt(batch), repetitions, rate);
          }
        }
      }
    }
  }

  /** Median of some repetitions after one that does not count. */
  private static double time(CudaDevice device, int repetitions, Runnable work) {
    device.milliseconds(work);
    double[] times = new double[repetitions];
    for (int i = 0; i < repetitions; i++) {
      times[i] = device.milliseconds(work);
    }
    Arrays.sort(times);
    return (times[(repetitions - 1) / 2] + times[repetitions / 2]) / 2;
  }

  /**
   * Operations a second of one large product, the rate that everything else is compared with. Its
   * factors are Gaussian: signs would be exact in TF32, and draw less power.
   */
  private static double gemmRate(CudaDevice device, int repetitions) {
    try (Scope scope = Scope.open()) {
      Matrix left = Matrix.of(gaussian(device, scope, 1), SQUARE);
      Matrix right = Matrix.of(gaussian(device, scope, 2), SQUARE);
      long size = (long) SQUARE * SQUARE;
      Matrix result = Matrix.of(device.allocate(scope, size), SQUARE);
      GemmKernels gemm = device.kernels().gemm();
      Runnable work = () -> gemm.multiply(SQUARE, SQUARE, SQUARE, 1, left, right, 0, result);
      return 2.0 * SQUARE * size / (time(device, repetitions, work) / 1000);
    }
  }

  private static Buffer gaussian(CudaDevice device, Scope scope, long seed) {
    Random random = new Random(seed);
    float[] values = new float[DISTINCT];
    for (int i = 0; i < DISTINCT; i++) {
      values[i] = (float) random.nextGaussian();
    }
    try (Scope temporary = Scope.open()) {
      HostBuffer all = temporary.allocate((long) SQUARE * SQUARE);
      for (long i = 0; i < all.size(); i++) {
        all.set(i, values[(int) (i % DISTINCT)]);
      }
      return device.upload(scope, all.segment());
    }
  }

  private static void measure(
      CudaDevice device,
      String precision,
      String network,
      int batch,
      int repetitions,
      double rate) {
    try (Scope scope = Scope.open()) {
      Workload work = Workload.of(network, batch, scope);
      Hessian hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
      scope.onClose(hessian::close);
      long n = hessian.dimension();
      Buffer parameters = device.upload(scope, work.parameters().segment());
      hessian.linearize(parameters);
      Directions one = Directions.of(device, scope, 1, n);
      Directions eight = Directions.of(device, scope, DIRECTIONS, n);
      double gradient = time(device, repetitions, () -> hessian.linearize(parameters));
      double product1 = time(device, repetitions, () -> hessian.apply(one.v(), one.products()));
      double product8 = time(device, repetitions, () -> hessian.apply(eight.v(), eight.products()));
      double forms8 = time(device, repetitions, () -> hessian.quadraticForm(eight.v()));
      double snapshot =
          device.milliseconds(
              () -> {
                hessian.linearize(parameters);
                Lanczos.fixed(LANCZOS_STEPS).run(hessian);
                TraceEstimator.hutchinson(DIRECTIONS, 1).run(hessian);
              });
      System.out.printf(
          Locale.ROOT,
          "{\"implementation\":\"dynaxx\",\"precision\":\"%s\",\"network\":\"%s\","
              + "\"batch\":%d,\"parameters\":%d,\"micro_batch\":%d,\"recomputes\":%b,"
              + "\"gradient_ms\":%.3f,\"hvp1_ms\":%.3f,\"hvp8_ms\":%.3f,"
              + "\"quadratic8_ms\":%.3f,\"snapshot_ms\":%.3f,"
              + "\"gradient_of_gemm_rate\":%.3f,\"hvp8_of_gemm_rate\":%.3f}%n",
          precision,
          network,
          batch,
          n,
          hessian.microBatch(),
          hessian.recomputes(),
          gradient,
          product1,
          product8,
          forms8,
          snapshot,
          3 * work.forwardFlops() / (gradient / 1000) / rate,
          6 * DIRECTIONS * work.forwardFlops() / (product8 / 1000) / rate);
      System.out.flush();
    }
  }
}
