package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.monitor.InstabilityForecast.Feature;
import dynaxx.spectrum.Update.StabilityLimit;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Fits the coefficients of the forecast on the half of a corpus that is there to tune on, and
 * compares them with those that are built in.
 */
class InstabilityFitTest {

  private static final String FILE = "dynaxx.corpus";

  /** Prior: a coefficient of standard deviation 1. */
  private static final double RIDGE = 1;

  private static final int ITERATIONS = 100;

  private record Sample(Map<Feature, Double> features, boolean breaks) {}

  @Test
  void coefficientsAreThoseOfTheCorpus() throws IOException {
    String file = System.getProperty(FILE);
    assumeTrue(file != null, "needs the packed runs: -D" + FILE + "=../app/corpus/runs.zip");
    List<Sample> samples = new ArrayList<>();
    try (FileSystem zip = FileSystems.newFileSystem(Path.of(file));
        Stream<Path> entries = Files.list(zip.getPath("/"))) {
      for (Path facts : entries.filter(e -> e.toString().endsWith(".json")).sorted().toList()) {
        collect(facts, samples);
      }
    }
    double[] fitted = fit(samples, List.of(Feature.values()));
    System.out.printf(
        Locale.ROOT,
        "%d steps, %d before a break: %s%n",
        samples.size(),
        samples.stream().filter(Sample::breaks).count(),
        Arrays.toString(fitted));
    double[] builtIn =
        DoubleStream.concat(
                DoubleStream.of(InstabilityForecast.INTERCEPT),
                Arrays.stream(Feature.values()).mapToDouble(Feature::weight))
            .toArray();
    assertArrayEquals(fitted, builtIn, 0.005);
  }

  /** What a run was like whenever it was judged, up to a break or a fault. */
  private static void collect(Path run, List<Sample> samples) throws IOException {
    JsonNode facts = new ObjectMapper().readTree(Files.readString(run));
    JsonNode plan = facts.get("specification");
    if (plan.get("seed").asLong() % 2 != 0) {
      return;
    }
    String fault = plan.get("fault").asText();
    boolean own = fault.equals("none") || fault.equals("ramp");
    int shown = own ? facts.get("outcome").get("shown_at").asInt() : -1;
    long end = own ? shown : plan.get("fault_at").asLong();
    StabilityLimit limit =
        switch (plan.get("optimizer").asText()) {
          case "sgd" -> StabilityLimit.sgd(0);
          case "momentum" -> StabilityLimit.momentum(0.9, 0);
          default -> StabilityLimit.adam(0.9);
        };
    InstabilityForecast forecast =
        new InstabilityForecast(Rules.calibration().stability(limit).settings());
    Path metrics = run.resolveSibling(run.getFileName().toString().replace(".json", ".csv"));
    List<MonitorRecord> records;
    try (BufferedReader lines = Files.newBufferedReader(metrics)) {
      records = MetricsFormat.read(lines, metrics.toString(), problem -> {});
    }
    LossLevel level = new LossLevel();
    for (MonitorRecord record : records) {
      if (!(record instanceof MonitorRecord.Step step) || end >= 0 && step.step() >= end) {
        continue;
      }
      level.take(step.observation(), 0);
      if (forecast.follow(step.observation(), level)) {
        boolean breaks = shown >= 0 && step.step() + InstabilityForecast.HORIZON >= shown;
        samples.add(new Sample(Map.copyOf(forecast.features()), breaks));
      }
    }
  }

  /** Newton's method for the penalised likelihood; the intercept has no penalty. */
  static double[] fit(List<Sample> samples, List<Feature> features) {
    int n = features.size() + 1;
    double[] w = new double[n];
    for (int i = 0; i < ITERATIONS; i++) {
      double[][] hessian = new double[n][n];
      double[] gradient = new double[n];
      for (int j = 1; j < n; j++) {
        hessian[j][j] = RIDGE;
        gradient[j] = RIDGE * w[j];
      }
      for (Sample sample : samples) {
        double[] x = new double[n];
        x[0] = 1;
        double sum = w[0];
        for (int j = 1; j < n; j++) {
          x[j] = sample.features.get(features.get(j - 1));
          sum += w[j] * x[j];
        }
        double p = 1 / (1 + Math.exp(-sum));
        for (int j = 0; j < n; j++) {
          gradient[j] += (p - (sample.breaks ? 1 : 0)) * x[j];
          for (int k = 0; k < n; k++) {
            hessian[j][k] += p * (1 - p) * x[j] * x[k];
          }
        }
      }
      double[] step = solve(hessian, gradient);
      for (int j = 0; j < n; j++) {
        w[j] -= step[j];
      }
    }
    return w;
  }

  /** Gaussian elimination of a positive definite system. */
  private static double[] solve(double[][] a, double[] b) {
    int n = b.length;
    for (int i = 0; i < n; i++) {
      for (int r = i + 1; r < n; r++) {
        double factor = a[r][i] / a[i][i];
        for (int c = i; c < n; c++) {
          a[r][c] -= factor * a[i][c];
        }
        b[r] -= factor * b[i];
      }
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int c = i + 1; c < n; c++) {
        b[i] -= a[i][c] * b[c];
      }
      b[i] /= a[i][i];
    }
    return b;
  }

  /** Of two groups with 1 of 4 and 3 of 4 breaks, the log odds are those of the counts. */
  @Test
  void aFitOfCountsGivesTheirOdds() {
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < 40_000; i++) {
      double x = i % 2;
      boolean one = i % 8 >= 6;
      samples.add(new Sample(Map.of(Feature.RISE, x), one == (x == 0)));
    }
    double[] w = fit(samples, List.of(Feature.RISE));
    assertEquals(Math.log(1.0 / 3), w[0], 1e-3);
    assertEquals(2 * Math.log(3), w[1], 2e-3);
  }
}
