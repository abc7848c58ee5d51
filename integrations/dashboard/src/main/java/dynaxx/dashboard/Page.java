package dynaxx.dashboard;

import io.javalin.http.Context;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The files that the page consists of; there are no others, whatever a path says. */
final class Page {

  private static final String UPLOT = "/META-INF/resources/webjars/uplot/";
  private static final String OURS = "/dynaxx/dashboard/";

  /** Scripts in their order; those of uPlot come first. */
  static final List<String> SCRIPTS = List.of("numbers.js", "curves.js", "heat.js", "page.js");

  /** A file as it is sent. */
  record Sent(String type, byte[] bytes) {
    void answer(Context request) {
      request.contentType(type).result(bytes);
    }
  }

  /** By path. */
  static final Map<String, Sent> FILES =
      Map.ofEntries(
          Map.entry("/", ours("text/html; charset=utf-8", "page.html")),
          Map.entry("/page.css", ours("text/css; charset=utf-8", "page.css")),
          Map.entry("/icon.svg", ours("image/svg+xml", "icon.svg")),
          script("numbers.js"),
          script("curves.js"),
          script("heat.js"),
          script("page.js"),
          Map.entry("/uplot.css", uplot("text/css; charset=utf-8", "uPlot.min.css")),
          Map.entry("/uplot.js", uplot("text/javascript; charset=utf-8", "uPlot.iife.min.js")));

  private Page() {}

  private static Map.Entry<String, Sent> script(String name) {
    return Map.entry("/" + name, ours("text/javascript; charset=utf-8", name));
  }

  private static Sent ours(String type, String name) {
    return new Sent(type, Dashboard.resource(OURS + name));
  }

  private static Sent uplot(String type, String name) {
    return new Sent(type, Dashboard.resource(UPLOT + version() + "/dist/" + name));
  }

  /** The WebJar's folder has its version in its name. */
  private static String version() {
    String properties =
        new String(
            Dashboard.resource("/META-INF/maven/org.webjars.npm/uplot/pom.properties"),
            StandardCharsets.UTF_8);
    return properties
        .lines()
        .filter(line -> line.startsWith("version="))
        .map(line -> line.substring("version=".length()).strip())
        .findFirst()
        .orElseThrow();
  }

  static String text(String path) {
    return new String(FILES.get(path).bytes(), StandardCharsets.UTF_8);
  }
}
