package dynaxx.bench;

import dynaxx.cuda.CudaDevice;
import dynaxx.cuda.CudaSettings;
import dynaxx.cuda.Precision;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.TraceEstimator;
import java.util.Arrays;
import java.util.Locale;

/**
 * Times by CUDA events what the peers in {@code jmh-bench/peers} time too, one JSON object a line:
 * gradient, products, quadratic forms, and a snapshot of 15 Lanczos steps and 8 probes.
 *
 * <p>Arguments: networks, batches and precisions, each a list with commas.
 */
public final class GpuReport {

  private static final int DIRECTIONS = 8;
  private static final int LANCZOS_STEPS = 15;
  private static final int WARM_UPS = 3;
  private static final int REPETITIONS = 10;

  /** Rows of the product whose rate is the yardstick; smaller ones are for trying this out. */
  private static final int SQUARE = Integer.getInteger("dynaxx.bench.square", 8192);

  private GpuReport() {}

  /**
   * Runs.
   *
   * @param args for example {@code vit-s16,vit-b16 64,256 fp32,tf32x3}
   */
  public static void main(String[] args) {
    if (args.length != 3) {
      throw new IllegalArgumentException(
          "arguments: found " + args.length + ", expected NETWORKS BATCHES PRECISIONS");
    }
    for (String precision : args[2].split(",")) {
      CudaSettings settings =
          CudaSettings.DEFAULT.withPrecision(Precision.valueOf(precision.toUpperCase(Locale.ROOT)));
      try (CudaDevice device = CudaDevice.open(settings)) {
        double rate = gemmRate(device);
        System.out.printf(
            Locale.ROOT,
            "{\"implementation\":\"dynaxx\",\"precision\":\"%s\",\"device\":\"%s\","
                + "\"gemm_tflops\":%.2f}%n",
            precision,
            device.description(),
            rate / 1e12);
        for (String network : args[0].split(",")) {
          for (String batch : args[1].split(",")) {
            measure(device, precision, network, Integer.parseInt(batch), rate);
          }
        }
      }
    }
  }

  /** Median of some repetitions after some that do not count. */
  private static double time(CudaDevice device, Runnable work) {
    double[] times = new double[REPETITIONS];
    for (int i = -WARM_UPS; i < REPETITIONS; i++) {
      double now = device.milliseconds(work);
      if (i >= 0) {
        times[i] = now;
      }
    }
    Arrays.sort(times);
    return (times[REPETITIONS / 2 - 1] + times[REPETITIONS / 2]) / 2;
  }

  /** Operations a second of one large product, the rate that everything else is compared with. */
  private static double gemmRate(CudaDevice device) {
    try (Scope scope = Scope.open()) {
      long size = (long) SQUARE * SQUARE;
      Buffer a = device.vectors(scope, 1, size).buffer();
      Buffer b = device.allocate(scope, size);
      Buffer c = device.allocate(scope, size);
      device.algebra().rademacher(1, 0, Vectors.of(a, 1, size));
      device.algebra().rademacher(1, 1, Vectors.of(b, 1, size));
      Matrix left = Matrix.of(a, SQUARE);
      Matrix right = Matrix.of(b, SQUARE);
      Matrix result = Matrix.of(c, SQUARE);
      double ms =
          time(
              device,
              () ->
                  device
                      .kernels()
                      .gemm()
                      .multiply(SQUARE, SQUARE, SQUARE, 1, left, right, 0, result));
      return 2.0 * SQUARE * size / (ms / 1000);
    }
  }

  private static void measure(
      CudaDevice device, String precision, String network, int batch, double rate) {
    try (Scope scope = Scope.open()) {
      Workload work = Workload.of(network, batch, scope);
      Hessian hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
      scope.onClose(hessian::close);
      long n = hessian.dimension();
      hessian.linearize(work.parameters());
      Directions one = Directions.of(device, scope, 1, n);
      Directions eight = Directions.of(device, scope, DIRECTIONS, n);
      double gradient = time(device, () -> hessian.linearize(work.parameters()));
      double product1 = time(device, () -> hessian.apply(one.v(), one.products()));
      double product8 = time(device, () -> hessian.apply(eight.v(), eight.products()));
      double forms8 = time(device, () -> hessian.quadraticForm(eight.v()));
      double snapshot =
          time(
              device,
              () -> {
                hessian.linearize(work.parameters());
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
