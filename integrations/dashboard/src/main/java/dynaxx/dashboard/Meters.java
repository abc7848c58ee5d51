package dynaxx.dashboard;

import dynaxx.monitor.MonitorSink;
import io.javalin.http.Context;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

/** The numbers of now for Prometheus, on the page's own server. */
final class Meters {

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

  /** A sink whose meters carry the run's name. */
  MonitorSink sink(String run) {
    return new MeterSink(registry, Tags.of("run", run));
  }

  void answer(Context request) {
    request.contentType("text/plain; version=0.0.4; charset=utf-8").result(registry.scrape());
  }
}
