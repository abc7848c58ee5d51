package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Spectrum;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Times on the CPU what {@code jmh-bench/peers/torch_cpu.py} times too, in turns with it: each line
 * of standard input names a network, each line of output is one round of it as a JSON object. The
 * first round of a network comes after a warm-up. A part is repeated for a while in each round; its
 * time is the shortest, since what else runs on a machine can only add to it. With one thread
 * ({@code -Ddynaxx.threads=1}) it is that thread's processor time, which holds on a busy machine
 * too.
 */
public final class CpuReport {

  private static final int DIRECTIONS = 8;
  private static final int PROBES = 16;
  private static final String SNAPSHOT = "snapshot:";

  private final double warmUpSeconds;
  private final double partSeconds;
  private final boolean oneThread = Integer.getInteger(Devices.THREADS_PROPERTY, 0) == 1;
  private final Device device = Devices.open();
  private final com.sun.management.ThreadMXBean threads =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private CpuReport(double warmUpSeconds, double partSeconds) {
    this.warmUpSeconds = warmUpSeconds;
    this.partSeconds = partSeconds;
  }

  /**
   * Runs until the input ends or asks for another network.
   *
   * @param args seconds of warm-up of each part, and seconds of each part in a round
   * @throws IOException if standard input cannot be read
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      throw new IllegalArgumentException(
          "arguments: found " + args.length + ", expected WARM_UP_SECONDS PART_SECONDS");
    }
    CpuReport report = new CpuReport(Double.parseDouble(args[0]), Double.parseDouble(args[1]));
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try {
      String next = in.readLine();
      while (next != null) {
        next = report.serve(next, in);
      }
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  /** Rounds of one network or product; returns the next one's name, or null at the end. */
  private String serve(String name, BufferedReader in) throws IOException {
    if (name.startsWith(Sgemm.PREFIX)) {
      return serveProduct(name, in);
    }
    return name.startsWith(SNAPSHOT) ? serveSnapshot(name, in) : serveNetwork(name, in);
  }

  /**
   * Both ends to a residual of 1 % and the trace by 16 deflated probes. The peer is told how many
   * products the ends take, and how many probes without deflation have the same standard error.
   */
  private String serveSnapshot(String name, BufferedReader in) throws IOException {
    try (Scope scope = Scope.open()) {
      Workload work = Workload.of(name.substring(SNAPSHOT.length()), scope);
      CurvatureProbe probe = new CurvatureProbe(work.network(), work.loss(), work.batch(), device);
      scope.onClose(probe::close);
      Spectrum plain = probe.measure(work.parameters(), settings(false)).spectrum();
      Spectrum[] found = {plain};
      Runnable measure =
          () -> found[0] = probe.measure(work.parameters(), settings(true)).spectrum();
      shortest(measure, warmUpSeconds);
      double excess = plain.trace().standardError() / found[0].trace().standardError();
      long probes = Math.max(PROBES, Math.round(PROBES * excess * excess));
      String next = name;
      while (name.equals(next)) {
        double ms = shortest(measure, partSeconds);
        System.out.printf(
            Locale.ROOT,
            "{\"implementation\":\"dynaxx\",\"device\":\"%s\",\"network\":\"%s\",\"snapshot_ms\":%.2f,"
                + "\"lambda_min\":%.5g,\"lambda_max\":%.5g,\"trace\":%.5g,\"standard_error\":%.3g,"
                + "\"products\":%d,\"forms\":%d,\"plain_products\":%d,\"plain_probes\":%d}%n",
            device.description(),
            name,
            ms,
            found[0].min().value(),
            found[0].max().value(),
            found[0].trace().value(),
            found[0].trace().standardError(),
            found[0].cost().products(),
            found[0].cost().forms(),
            plain.cost().products(),
            probes);
        System.out.flush();
        next = in.readLine();
      }
      return next;
    }
  }

  private static ProbeSettings settings(boolean deflated) {
    return new ProbeSettings(
        Optional.of(Lanczos.both()), PROBES, PROBES, deflated, 0, false, 0, 1, Set.of());
  }

  private String serveProduct(String name, BufferedReader in) throws IOException {
    try (Scope scope = Scope.open()) {
      Sgemm product = Sgemm.of(name, device, scope);
      shortest(product, warmUpSeconds);
      String next = name;
      while (name.equals(next)) {
        double gflops = 2e-6 * product.multiplications() / shortest(product, partSeconds);
        System.out.printf(
            Locale.ROOT,
            "{\"implementation\":\"dynaxx\",\"device\":\"%s\",\"network\":\"%s\",\"gflops\":%.1f,"
                + "\"largest_error\":%.2e}%n",
            device.description(),
            name,
            gflops,
            product.largestError());
        System.out.flush();
        next = in.readLine();
      }
      return next;
    }
  }

  private String serveNetwork(String network, BufferedReader in) throws IOException {
    try (Scope scope = Scope.open()) {
      Workload work = Workload.of(network, scope);
      Hessian hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
      scope.onClose(hessian::close);
      long n = hessian.dimension();
      hessian.linearize(work.parameters());
      Directions one = Directions.of(device, scope, 1, n);
      Directions eight = Directions.of(device, scope, DIRECTIONS, n);
      Map<String, Runnable> parts = new LinkedHashMap<>();
      parts.put("gradient", () -> hessian.linearize(work.parameters()));
      parts.put("hvp1", () -> hessian.apply(one.v(), one.products()));
      parts.put("hvp8", () -> hessian.apply(eight.v(), eight.products()));
      parts.put("quadratic8", () -> hessian.quadraticForm(eight.v()));
      parts.values().forEach(part -> shortest(part, warmUpSeconds));
      String next = network;
      while (network.equals(next)) {
        print(network, n, work.batch().examples(), parts);
        next = in.readLine();
      }
      return next;
    }
  }

  private void print(String network, long n, int examples, Map<String, Runnable> parts) {
    List<String> fields = new ArrayList<>();
    fields.add("\"implementation\":\"dynaxx\"");
    fields.add("\"device\":\"" + device.description() + "\"");
    fields.add("\"network\":\"" + network + "\"");
    fields.add("\"batch\":" + examples);
    fields.add("\"parameters\":" + n);
    parts.forEach(
        (name, part) -> {
          double ms = shortest(part, partSeconds);
          fields.add(String.format(Locale.ROOT, "\"%s_ms\":%.4f", name, ms));
          long before = threads.getTotalThreadAllocatedBytes();
          part.run();
          long bytes = threads.getTotalThreadAllocatedBytes() - before;
          fields.add("\"" + name + "_allocated_bytes\":" + bytes);
        });
    System.out.println("{" + String.join(",", fields) + "}");
    System.out.flush();
  }

  /** Milliseconds of the fastest of at least two repetitions. */
  private double shortest(Runnable part, double seconds) {
    long best = Long.MAX_VALUE;
    long start = now();
    for (int i = 0; i < 2 || now() - start < seconds * 1e9; i++) {
      long before = now();
      part.run();
      best = Math.min(best, now() - before);
    }
    return best / 1e6;
  }

  private long now() {
    return oneThread ? threads.getCurrentThreadCpuTime() : System.nanoTime();
  }
}
