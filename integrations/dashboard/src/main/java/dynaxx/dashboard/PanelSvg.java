package dynaxx.dashboard;

import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/** A panel as an SVG for print: the same curves and heat maps as on the page, in black on white. */
final class PanelSvg {

  private static final int WIDTH = 720;
  private static final int HEIGHT = 340;
  private static final int LEFT = 78;
  private static final int RIGHT = WIDTH - 18;
  private static final int TOP = 58;
  private static final int BOTTOM = HEIGHT - 44;
  private static final int POINTS = 1200;
  private static final String[] COLOURS = {
    "#1d4ed8", "#c2570c", "#0b7a5b", "#8b2fb8", "#b3261e", "#0e7490", "#6b6a12", "#be185d"
  };
  private static final int[][] HEAT = {
    {247, 251, 255}, {171, 208, 230}, {106, 174, 214}, {55, 135, 192}, {16, 91, 164}, {8, 48, 107}
  };

  /** One curve, thinned out. */
  private record Curve(String title, String colour, boolean dashed, Column.View all, int[] kept) {}

  private final Panels.Panel panel;
  private final StringBuilder out = new StringBuilder();
  private long from = Long.MAX_VALUE;
  private long to = Long.MIN_VALUE;
  private double low;
  private double high;
  private AxisScale scale = AxisScale.LINEAR;

  private PanelSvg(Panels.Panel panel) {
    this.panel = panel;
  }

  /** Pictures by name: one of the curves of all runs, or a heat map for each run. */
  static Map<String, String> of(Panels.Panel panel, List<RunData.State> runs) {
    Map<String, String> pictures = new LinkedHashMap<>();
    if (panel.part().isEmpty()) {
      List<Curve> curves = curves(panel, runs);
      if (curves.stream().anyMatch(curve -> !curve.dashed())) {
        pictures.put(panel.id(), new PanelSvg(panel).lines(curves));
      }
      return pictures;
    }
    for (int i = 0; i < runs.size(); i++) {
      List<RunData.Parts> parts = runs.get(i).parts().get(panel.lines().getFirst().id());
      if (parts != null && !parts.isEmpty()) {
        String name = runs.size() == 1 ? panel.id() : panel.id() + "-" + (i + 1);
        pictures.put(name, new PanelSvg(panel).heat(parts));
      }
    }
    return pictures;
  }

  private static List<Curve> curves(Panels.Panel panel, List<RunData.State> runs) {
    List<Curve> curves = new ArrayList<>();
    for (Panels.Line line : panel.lines()) {
      for (RunData.State run : runs) {
        Column.View all = run.columns().get(line.id());
        if (all == null) {
          continue;
        }
        int[] kept = Decimation.indices(all, 0, Long.MAX_VALUE, POINTS);
        if (kept.length > 0) {
          String title =
              runs.size() == 1
                  ? line.title()
                  : run.name() + (panel.lines().size() > 1 ? ", " + line.title() : "");
          String colour = COLOURS[curves.size() % COLOURS.length];
          curves.add(new Curve(title, colour, line.dashed(), all, kept));
        }
      }
    }
    return curves;
  }

  private String lines(List<Curve> curves) {
    measure(curves);
    begin();
    axes();
    panel.limit().ifPresent(limit -> level(limit, "#b3261e", "5 4"));
    if (low < 0 && high > 0 && scale.signed()) {
      level(0, "#8a93a3", "");
    }
    curves.forEach(this::band);
    curves.forEach(this::curve);
    legend(curves);
    return end();
  }

  private void measure(List<Curve> curves) {
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    double smallest = Double.POSITIVE_INFINITY;
    for (Curve curve : curves) {
      for (int at : curve.kept()) {
        double value = curve.all().values()[at];
        from = Math.min(from, curve.all().steps()[at]);
        to = Math.max(to, curve.all().steps()[at]);
        if (curve.dashed() && value > 12 * most) {
          continue;
        }
        least = Math.min(least, value);
        most = Math.max(most, value);
        smallest = value == 0 ? smallest : Math.min(smallest, Math.abs(value));
      }
    }
    if (panel.limit().isPresent()) {
      least = Math.min(least, panel.limit().getAsDouble());
      most = Math.max(most, panel.limit().getAsDouble());
    }
    if (panel.scale() == Signal.Scale.SIGNED) {
      least = Math.min(least, 0);
      most = Math.max(most, 0);
    }
    scale = AxisScale.of(panel.scale(), least, most, smallest);
    low = scale.to(least);
    high = scale.to(most);
    double pad = high > low ? 0.06 * (high - low) : 0.5;
    low -= pad;
    high += pad;
    to = Math.max(to, from + 1);
  }

  private double x(double step) {
    return LEFT + (step - from) / (to - from) * (RIGHT - LEFT);
  }

  private double y(double value) {
    double part = Math.clamp((scale.to(value) - low) / (high - low), 0, 1);
    return BOTTOM - part * (BOTTOM - TOP);
  }

  private void begin() {
    add(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\""
            + " height=\"%d\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\""
            + " role=\"img\" aria-label=\"%s\">",
        WIDTH, HEIGHT, WIDTH, HEIGHT, escaped(panel.title()));
    add("<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>", WIDTH, HEIGHT);
    add(
        "<text x=\"%d\" y=\"22\" font-size=\"15\" font-weight=\"600\">%s <tspan fill=\"#6a7283\""
            + " font-size=\"12\" font-weight=\"400\">%s</tspan></text>",
        LEFT, escaped(panel.title()), escaped(panel.unit()));
  }

  private void axes() {
    for (double value : scale.ticks(low, high)) {
      double at = y(value);
      add(
          "<path d=\"M%d %.1fH%d\" stroke=\"#e3e7ec\"/><text x=\"%d\" y=\"%.1f\""
              + " text-anchor=\"end\" fill=\"#4b5363\">%s</text>",
          LEFT, at, RIGHT, LEFT - 8, at + 4, AxisScale.label(value));
    }
    steps();
  }

  private void steps() {
    for (double step : AxisScale.linear(from, to, 7)) {
      if (step == Math.rint(step)) {
        add(
            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#4b5363\">%s</text>",
            x(step), BOTTOM + 18, AxisScale.label(step));
      }
    }
    add(
        "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#4b5363\">step</text>",
        RIGHT, HEIGHT - 8);
  }

  private void level(double value, String colour, String dash) {
    add(
        "<path d=\"M%d %.1fH%d\" stroke=\"%s\" stroke-dasharray=\"%s\"/>",
        LEFT, y(value), RIGHT, colour, dash);
  }

  private void band(Curve curve) {
    if (curve.all().errors().length == 0) {
      return;
    }
    StringBuilder path = new StringBuilder();
    int[] kept = curve.kept();
    for (int i = 0; i < kept.length; i++) {
      path.append(i == 0 ? "M" : "L").append(end(curve, kept[i], 1));
    }
    for (int i = kept.length - 1; i >= 0; i--) {
      path.append("L").append(end(curve, kept[i], -1));
    }
    add("<path d=\"%sZ\" fill=\"%s\" fill-opacity=\"0.16\"/>", path, curve.colour());
  }

  private String end(Curve curve, int at, int sign) {
    double error = curve.all().error(at);
    double value = curve.all().values()[at] + sign * (Double.isFinite(error) ? error : 0);
    double shown = scale.fits(value) ? y(value) : BOTTOM;
    return String.format(Locale.ROOT, "%.1f %.1f", x(curve.all().steps()[at]), shown);
  }

  private void curve(Curve curve) {
    StringBuilder path = new StringBuilder();
    for (int at : curve.kept()) {
      double value = curve.all().values()[at];
      if (scale.fits(value)) {
        path.append(path.isEmpty() ? "M" : "L");
        path.append(String.format(Locale.ROOT, "%.1f %.1f", x(curve.all().steps()[at]), y(value)));
      }
    }
    add(
        "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\""
            + " stroke-linejoin=\"round\" stroke-dasharray=\"%s\"/>",
        path, curve.colour(), curve.dashed() ? "6 4" : "");
  }

  private void legend(List<Curve> curves) {
    double at = LEFT;
    for (Curve curve : curves) {
      add(
          "<path d=\"M%.1f 40h16\" stroke=\"%s\" stroke-width=\"2.5\" stroke-dasharray=\"%s\"/>"
              + "<text x=\"%.1f\" y=\"44\">%s</text>",
          at, curve.colour(), curve.dashed() ? "5 3" : "", at + 21, escaped(curve.title()));
      at += 40 + 6.4 * curve.title().length();
    }
  }

  private String heat(List<RunData.Parts> measured) {
    HeatMap map = HeatMap.of(measured, panel.group() == Signal.Group.SPREAD);
    from = map.parts().getFirst().step();
    to = Math.max(from + 1, map.parts().getLast().step());
    begin();
    double height = (double) (BOTTOM - TOP) / Math.max(1, map.rows());
    for (int i = 0; i < map.parts().size(); i++) {
      double begin = i == 0 ? from : map.between(i - 1);
      double end = i + 1 == map.parts().size() ? to : map.between(i);
      for (int row = 0; row < map.rows(); row++) {
        OptionalDouble shade = map.shade(i, row);
        if (shade.isPresent()) {
          add(
              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>",
              x(begin),
              BOTTOM - (row + 1) * height,
              x(end) - x(begin) + 0.3,
              height + 0.3,
              colour(shade.getAsDouble()));
        }
      }
    }
    map.labels(panel.part().orElse(""))
        .forEach(
            (row, label) ->
                add(
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#4b5363\">%s</text>",
                    LEFT - 8, BOTTOM - row * height + 4, label));
    steps();
    add(
        "<text x=\"%d\" y=\"44\" fill=\"#4b5363\">from %s (light) to %s (dark)</text>",
        LEFT, AxisScale.label(map.lightest()), AxisScale.label(map.darkest()));
    return end();
  }

  private static String colour(double part) {
    double at = Math.clamp(part, 0, 0.9999) * (HEAT.length - 1);
    int i = (int) at;
    StringBuilder hex = new StringBuilder("#");
    for (int k = 0; k < 3; k++) {
      double mixed = HEAT[i][k] + (HEAT[i + 1][k] - HEAT[i][k]) * (at - i);
      hex.append(String.format(Locale.ROOT, "%02x", Math.round(mixed)));
    }
    return hex.toString();
  }

  private String end() {
    return out + "</svg>\n";
  }

  private void add(String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
