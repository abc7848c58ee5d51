package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.operator.Hessian;
import java.util.List;
import java.util.Locale;

/**
 * How times grow with the number of directions, of examples and of parameters; {@code
 * scripts/scaling} runs it for numbers of threads and draws the results. Each line of output is one
 * measurement as a JSON object.
 */
public final class ScalingReport {

  private static final List<Integer> DIRECTIONS = List.of(1, 2, 4, 8, 16);
  private static final List<Integer> EXAMPLES = List.of(16, 32, 64, 128, 256, 512);

  /** Shapes of transformers over 197 tokens; of these, one example. */
  private static final List<String> SCALES = List.of("1M", "3M", "10M", "30M");

  /** How many times as long as a measurement a kind of network runs before it is measured. */
  private static final int WARM_UP = 60;

  private final Device device = Devices.open();
  private final double seconds;

  private ScalingReport(double seconds) {
    this.seconds = seconds;
  }

  /**
   * Measures.
   *
   * @param args seconds of each measurement, and the network of which directions and examples vary
   */
  public static void main(String[] args) {
    if (args.length != 2) {
      throw new IllegalArgumentException(
          "arguments: found " + args.length + ", expected SECONDS NETWORK");
    }
    ScalingReport report = new ScalingReport(Double.parseDouble(args[0]));
    try {
      report.warmUp(args[1], 0);
      DIRECTIONS.forEach(k -> report.measure("directions", k, args[1], 0, k));
      EXAMPLES.forEach(examples -> report.measure("examples", examples, args[1], examples, 1));
      report.warmUp(SCALES.getFirst(), 1);
      SCALES.forEach(scale -> report.measure("parameters", 0, scale, 1, 1));
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  /** One direction and several run different code. */
  private void warmUp(String network, int examples) {
    try (Scope scope = Scope.open()) {
      Workload work = Workload.of(network, examples, scope);
      Hessian hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
      scope.onClose(hessian::close);
      hessian.linearize(work.parameters());
      Directions one = Directions.of(device, scope, 1, hessian.dimension());
      Directions some = Directions.of(device, scope, 4, hessian.dimension());
      long start = System.nanoTime();
      while (System.nanoTime() - start < WARM_UP * seconds * 1e9) {
        hessian.linearize(work.parameters());
        for (Directions d : List.of(one, some)) {
          hessian.apply(d.v(), d.products());
          hessian.quadraticForm(d.v());
        }
      }
    }
  }

  private void measure(String axis, int value, String network, int examples, int directions) {
    try (Scope scope = Scope.open()) {
      Workload work = Workload.of(network, examples, scope);
      Hessian hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
      scope.onClose(hessian::close);
      hessian.linearize(work.parameters());
      Directions d = Directions.of(device, scope, directions, hessian.dimension());
      double gradient = shortest(() -> hessian.linearize(work.parameters()));
      double product = shortest(() -> hessian.apply(d.v(), d.products()));
      double form = shortest(() -> hessian.quadraticForm(d.v()));
      System.out.printf(
          Locale.ROOT,
          "{\"axis\":\"%s\",\"value\":%d,\"network\":\"%s\",\"parameters\":%d,\"examples\":%d,"
              + "\"directions\":%d,\"gradient_ms\":%.4f,\"product_ms\":%.4f,\"form_ms\":%.4f}%n",
          axis,
          value == 0 ? hessian.dimension() : value,
          network,
          hessian.dimension(),
          work.batch().examples(),
          directions,
          gradient,
          product,
          form);
      System.out.flush();
    }
  }

  /** Milliseconds of the fastest of at least three repetitions, after as long a warm-up. */
  private double shortest(Runnable part) {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 2; round++) {
      best = Long.MAX_VALUE;
      long start = System.nanoTime();
      for (int i = 0; i < 3 || System.nanoTime() - start < seconds * 1e9; i++) {
        long before = System.nanoTime();
        part.run();
        best = Math.min(best, System.nanoTime() - before);
      }
    }
    return best / 1e6;
  }
}
