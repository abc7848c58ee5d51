package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What all sinks together take from a run as long as the quick demo: 600 steps in a minute. */
class SinksCostTest {

  private static final int STEPS = 600;
  private static final double RUN_SECONDS = 60;
  private static final double MOST = 0.01;

  @TempDir private Path folder;

  @Test
  void allSinksTakeLessThanAHundredthOfAShortRun() throws IOException {
    // What other processes do beside the test is not the sinks'.
    ThreadMXBean cpu = ManagementFactory.getThreadMXBean();
    try (Dashboard dashboard = Dashboard.open(0)) {
      Map<String, MonitorSink> sinks = new LinkedHashMap<>();
      sinks.put("csv", MonitorSink.csv(folder.resolve("m.csv")));
      sinks.put("json lines", MonitorSink.jsonLines(folder.resolve("m.jsonl")));
      sinks.put("page and scrape", dashboard.sink("run", Map.of()));
      sinks.put("TensorBoard", TensorBoardSink.open(folder.resolve("board")));
      sinks.put("Micrometer", new MeterSink(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT)));
      Map<String, Double> seconds = new LinkedHashMap<>();
      for (int step = 0; step <= STEPS; step++) {
        MonitorRecord record = Runs.step(step);
        for (Map.Entry<String, MonitorSink> sink : sinks.entrySet()) {
          long begin = cpu.getCurrentThreadCpuTime();
          sink.getValue().accept(record);
          double taken = (cpu.getCurrentThreadCpuTime() - begin) / 1e9;
          seconds.merge(sink.getKey(), taken, Double::sum);
        }
      }
      sinks.values().forEach(MonitorSink::close);
      double all = seconds.values().stream().mapToDouble(s -> s).sum();
      System.out.printf("all sinks: %.3f s of %d steps %s%n", all, STEPS, seconds);
      assertTrue(all < MOST * RUN_SECONDS, "found " + seconds);
    }
  }
}
