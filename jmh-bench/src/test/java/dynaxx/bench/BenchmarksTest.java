package dynaxx.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Every benchmark that needs no GPU runs, once and on little data; no time is looked at. */
class BenchmarksTest {

  private static final Set<String> RUN =
      Set.of(
          "GemmBenchmark.multiply",
          "KernelBenchmark.run",
          "MonitorBenchmark.afterStep",
          "ProductBenchmark.gradient",
          "ProductBenchmark.product1",
          "ProductBenchmark.product8",
          "ProductBenchmark.quadraticForm8",
          "RulesBenchmark.step",
          "SnapshotBenchmark.article",
          "SnapshotBenchmark.certified",
          "SnapshotBenchmark.cheap",
          "SnapshotBenchmark.fisher8",
          "SnapshotBenchmark.gaussNewton8",
          "SnapshotBenchmark.gradient",
          "SpectrumBenchmark.lanczos",
          "SpectrumBenchmark.rademacher",
          "TrainingStepBenchmark.adamW");

  @Test
  void everyBenchmarkRuns() throws Exception {
    Collection<RunResult> results =
        new Runner(
                new OptionsBuilder()
                    .include("Benchmark")
                    .exclude("CallBenchmark")
                    .forks(0)
                    .warmupIterations(0)
                    .measurementIterations(1)
                    .measurementTime(TimeValue.milliseconds(1))
                    .param("network", "quick")
                    .param("batch", "8")
                    .param("shape", "33x17x16t*2")
                    .param("parameters", "1000")
                    .param("implementation", "java")
                    .param("every", "100")
                    .verbosity(VerboseMode.SILENT)
                    .shouldFailOnError(true)
                    .build())
            .run();
    assertEquals(
        RUN,
        results.stream()
            .map(r -> r.getParams().getBenchmark().replace("dynaxx.bench.", ""))
            .collect(Collectors.toSet()));
    for (RunResult result : results) {
      assertTrue(result.getPrimaryResult().getScore() > 0, result.getParams().id());
    }
  }
}
