package dynaxx.dashboard;

import com.fasterxml.jackson.core.JsonGenerator;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.SpectralDensity;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a page shows of a run, made from the descriptors of the signals: a new signal appears here
 * by itself. Signals that are compared with one another share a panel.
 */
final class Panels {

  private static final String LIMIT_UNIT = "of the limit";

  private Panels() {}

  /** One curve of a panel; the name of its column, and the kind of its uncertainty. */
  record Line(String id, String title, String help, Optional<String> uncertainty, boolean dashed) {}

  /** A picture: curves over the steps, or a heat map of the parts of one signal. */
  record Panel(
      String id,
      Signal.Group group,
      String title,
      String unit,
      String help,
      Signal.Scale scale,
      List<Line> lines,
      Optional<String> part,
      OptionalDouble limit) {}

  static List<Panel> all() {
    List<Panel> panels = new ArrayList<>();
    for (Signal.Group group : Signal.Group.values()) {
      for (Signal signal : Signal.values()) {
        if (signal.group() == group && panels.stream().noneMatch(p -> shows(p, signal))) {
          panels.add(panel(signal));
          signal.part().ifPresent(part -> panels.add(heat(signal, part)));
        }
      }
    }
    panels.add(share());
    return panels;
  }

  private static boolean shows(Panel panel, Signal signal) {
    return panel.lines().stream().anyMatch(line -> line.id().equals(signal.column()));
  }

  /** The panel of a signal, with those that it is compared with. */
  private static Panel panel(Signal signal) {
    List<Line> lines = new ArrayList<>();
    boolean comparable =
        signal.group() == Signal.Group.LOSS || signal.group() == Signal.Group.STABILITY;
    for (Signal other : Signal.values()) {
      boolean together =
          comparable && other.group() == signal.group() && other.unit().equals(signal.unit());
      if (other == signal || together) {
        lines.add(line(other));
      }
    }
    if (signal == Signal.LAMBDA_MAX || signal == Signal.PRECONDITIONED_LAMBDA_MAX) {
      lines.add(
          new Line(
              signal.column() + RunData.LIMIT,
              "Stability limit",
              "The largest eigenvalue at which the optimizer is stable at this learning rate.",
              Optional.empty(),
              true));
    }
    boolean limited = signal.unit().equals(LIMIT_UNIT);
    return new Panel(
        signal.column(),
        signal.group(),
        limited && lines.size() > 1 ? "How near the update is to its limit" : signal.title(),
        signal.unit(),
        lines.size() == 1 ? plain(signal.documentation()) : "",
        signal.scale(),
        lines,
        Optional.empty(),
        limited ? OptionalDouble.of(1) : OptionalDouble.empty());
  }

  private static Line line(Signal signal) {
    return new Line(
        signal.column(),
        signal.title(),
        plain(signal.documentation()),
        signal.uncertainty(),
        false);
  }

  private static Panel heat(Signal signal, String part) {
    boolean spread = signal.group() == Signal.Group.SPREAD;
    return new Panel(
        signal.column() + ".parts",
        signal.group(),
        spread ? "Spectral density" : signal.title() + " by " + part,
        spread ? "fraction of the eigenvalues" : signal.unit(),
        spread
            ? "How the Hessian's eigenvalues are spread, by stochastic Lanczos quadrature, where it"
                + " was measured. Positions on a logarithmic scale on both sides of zero."
            : plain(signal.documentation()) + " One row for each " + part + ".",
        signal.scale(),
        List.of(line(signal)),
        Optional.of(part),
        OptionalDouble.empty());
  }

  private static Panel share() {
    String help = "Part of the wall time that measuring has taken so far.";
    return new Panel(
        RunData.SHARE,
        Signal.Group.CONTEXT,
        "The monitor's share of the time",
        "0 to 1",
        help,
        Signal.Scale.FRACTION,
        List.of(new Line(RunData.SHARE, "Share of the time", help, Optional.empty(), false)),
        Optional.empty(),
        OptionalDouble.empty());
  }

  /** The documentation without the marks of code. */
  static String plain(String markdown) {
    return markdown.replace("`", "");
  }

  static void write(JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeArrayFieldStart("panels");
    for (Panel panel : all()) {
      write(json, panel);
    }
    json.writeEndArray();
    json.writeArrayFieldStart("edges");
    for (double edge : SpectralDensity.edges()) {
      RunView.number(json, edge);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, Panel panel) throws IOException {
    json.writeStartObject();
    json.writeStringField("id", panel.id());
    json.writeStringField("group", panel.group().name().toLowerCase(Locale.ROOT));
    json.writeStringField("title", panel.title());
    json.writeStringField("unit", panel.unit());
    json.writeStringField("help", panel.help());
    json.writeStringField("scale", panel.scale().name().toLowerCase(Locale.ROOT));
    if (panel.part().isPresent()) {
      json.writeStringField("part", panel.part().get());
    }
    RunView.optional(json, "limit", panel.limit());
    json.writeArrayFieldStart("lines");
    for (Line line : panel.lines()) {
      json.writeStartObject();
      json.writeStringField("id", line.id());
      json.writeStringField("title", line.title());
      json.writeStringField("help", line.help());
      json.writeStringField("uncertainty", line.uncertainty().orElse(""));
      json.writeBooleanField("dashed", line.dashed());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }
}
