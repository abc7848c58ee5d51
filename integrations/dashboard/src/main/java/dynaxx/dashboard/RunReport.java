package dynaxx.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import dynaxx.dashboard.picture.Picture;
import dynaxx.monitor.Event;
import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reports on runs that are over, or as far as they are: one HTML file that needs nothing else, a
 * text in Markdown, or pictures of the panels.
 */
public final class RunReport {

  private static final int POINTS = 4000;
  private static final int MOST_ROWS = 50;

  private final List<RunData.State> runs;

  private RunReport(List<RunData.State> runs) {
    this.runs = runs;
  }

  /**
   * Reads runs, each once.
   *
   * @param places folders or files of runs, as {@link Dashboard#add} takes them
   * @return a report on all of them
   * @throws IOException if there is no run at a place, or no run has a record that can be read
   */
  public static RunReport of(List<Path> places) throws IOException {
    RunPlaces shown = new RunPlaces();
    List<RunFile> files = new ArrayList<>();
    for (Path place : places) {
      files.addAll(shown.add(place));
    }
    for (RunFile file : files) {
      file.finish();
    }
    List<RunData.State> states =
        files.stream()
            .map(file -> file.data().state())
            .filter(state -> !state.columns().isEmpty())
            .toList();
    if (states.isEmpty()) {
      throw new IOException(
          files.stream()
              .flatMap(RunFile::whyNoStep)
              .findFirst()
              .orElse(places.getFirst() + ": found no step of a run, expected at least one"));
    }
    files.forEach(RunFile::tell);
    return new RunReport(states);
  }

  /**
   * The page with everything inside it: it opens from a disk or a mail and asks nobody for
   * anything, which its Content-Security-Policy forbids.
   *
   * @return an HTML document
   */
  public String html() {
    String page = Page.text("/");
    List<String> allowed = new ArrayList<>();
    for (String style : List.of("/uplot.css", "/page.css")) {
      String text = Page.text(style);
      allowed.add(hash(text));
      page =
          page.replace(
              "<link rel=\"stylesheet\" href=\"" + style.substring(1) + "\">",
              "<style>" + text + "</style>");
    }
    String styles = String.join(" ", allowed);
    allowed.clear();
    StringBuilder scripts = new StringBuilder();
    scripts.append("<script type=\"application/json\" id=\"dynaxx-data\">");
    // Within a script only this could end it early.
    scripts.append(data().replace("<", "\\u003c")).append("</script>\n");
    List<String> all = new ArrayList<>(List.of("uplot.js"));
    all.addAll(Page.SCRIPTS);
    for (String script : all) {
      String text = Page.text("/" + script).replace("</script", "<\\/script");
      allowed.add(hash(text));
      scripts.append("<script>").append(text).append("</script>\n");
      page = page.replace("<script src=\"" + script + "\"></script>\n", "");
    }
    String policy =
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:;"
            + " script-src "
            + String.join(" ", allowed)
            + "; style-src "
            + styles
            + "; base-uri 'none'; form-action 'none'\">\n";
    String icon =
        "data:image/svg+xml;base64,"
            + Base64.getEncoder()
                .encodeToString(Page.text("/icon.svg").getBytes(StandardCharsets.UTF_8));
    return page.replace("<meta charset=\"utf-8\">\n", "<meta charset=\"utf-8\">\n" + policy)
        .replace("icon.svg", icon)
        .replace("</body>", scripts + "</body>");
  }

  private static String hash(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private String data() {
    return new String(RunView.json(this::write), StandardCharsets.UTF_8);
  }

  private void write(JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeFieldName("described");
    Panels.write(json);
    json.writeArrayFieldStart("runs");
    for (RunData.State run : runs) {
      json.writeStartObject();
      RunView.about(json, run.facts(), run.problems());
      json.writeFieldName("view");
      RunView.write(json, run, new RunView.Window(0, Long.MAX_VALUE, POINTS));
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  /**
   * Every panel that has something to show, for papers and pull requests.
   *
   * @return pictures by the name of their file without its ending, such as {@code lambda_min}
   */
  public Map<String, Picture> pictures() {
    Map<String, Picture> pictures = new LinkedHashMap<>();
    for (Panels.Panel panel : Panels.all()) {
      PanelPicture.of(panel, runs)
          .forEach((name, picture) -> pictures.put(name.replace('.', '_'), picture));
    }
    return pictures;
  }

  /**
   * What a pull request shows: first, last and extreme values of each signal, and the events.
   *
   * @return text in Markdown, as GitHub reads it
   */
  public String markdown() {
    StringBuilder text = new StringBuilder();
    for (RunData.State run : runs) {
      text.append("## ").append(escaped(run.name())).append("\n\n");
      text.append("Status ").append(escaped(run.status())).append(", step ").append(run.step());
      if (!run.verdicts().isEmpty()) {
        text.append(". Smallest eigenvalue: ")
            .append(escaped(run.verdicts().getLast().verdict()))
            .append(" at step ")
            .append(run.verdicts().getLast().step());
      }
      text.append(".\n");
      for (String problem : run.problems()) {
        text.append("\nNote: ").append(escaped(problem)).append(".\n");
      }
      text.append("\n| signal | unit | first | last | least | most | values |\n");
      text.append("|---|---|--:|--:|--:|--:|--:|\n");
      for (Signal signal : Signal.values()) {
        row(text, "`" + signal.column() + "`", signal.unit(), run.columns().get(signal.column()));
      }
      row(text, "monitor's share", "0 to 1", run.columns().get(RunData.SHARE));
      events(text, run.events());
    }
    return text.toString();
  }

  private static void row(StringBuilder text, String name, String unit, Column.View column) {
    if (column == null || column.size() == 0) {
      return;
    }
    int[] kept = Decimation.indices(column, 0, Long.MAX_VALUE, Math.max(4, column.size()));
    if (kept.length == 0) {
      return;
    }
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    for (int at : kept) {
      least = Math.min(least, column.values()[at]);
      most = Math.max(most, column.values()[at]);
    }
    int last = kept[kept.length - 1];
    String error =
        column.error(last) > 0 ? String.format(Locale.ROOT, " ± %.2g", column.error(last)) : "";
    text.append(
        String.format(
            Locale.ROOT,
            "| %s | %s | %.4g | %.4g%s | %.4g | %.4g | %d |%n",
            name,
            unit,
            column.values()[kept[0]],
            column.values()[last],
            error,
            least,
            most,
            kept.length));
  }

  private static void events(StringBuilder text, List<Event> events) {
    text.append("\n");
    if (events.isEmpty()) {
      text.append("No events.\n\n");
      return;
    }
    text.append("| step | event | signal | confidence | explanation |\n|--:|---|---|--:|---|\n");
    int from = Math.max(0, events.size() - MOST_ROWS);
    for (Event event : events.subList(from, events.size())) {
      text.append(
          String.format(
              Locale.ROOT,
              "| %d | %s | `%s` | %.3f | %s |%n",
              event.step(),
              event.kind(),
              event.signal().column(),
              event.confidence(),
              escaped(event.explanation())));
    }
    if (from > 0) {
      text.append("\nThe last ").append(MOST_ROWS).append(" of ").append(events.size());
      text.append(" events.\n");
    }
    text.append("\n");
  }

  private static String escaped(String text) {
    return text.replaceAll("[\\r\\n]", " ").replace("|", "\\|").replace("<", "&lt;");
  }
}
