package dynaxx.dashboard;

import dynaxx.dashboard.picture.Canvas;
import dynaxx.dashboard.picture.Canvas.Anchor;
import dynaxx.dashboard.picture.Canvas.Stroke;
import dynaxx.dashboard.picture.Picture;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/** A panel for print: the same curves and heat maps as on the page, on white. */
final class PanelPicture {

  private static final int WIDTH = 720;
  private static final int HEIGHT = 340;
  private static final int LEFT = 78;
  private static final int RIGHT = WIDTH - 18;
  private static final int TOP = 58;
  private static final int BOTTOM = HEIGHT - 44;
  private static final int TITLE = 15;
  private static final int WORDS = 12;
  private static final int LEGEND = 44;
  private static final int ROW = 17;
  private static final double LETTER = 6.6;
  private static final int POINTS = 1200;
  private static final double BAND = 0.16;

  /** Of neighbouring cells, so that no light shows between them. */
  private static final double OVERLAP = 0.3;

  private static final String INK = "#1b2430";
  private static final String SOFT = "#4b5363";
  private static final String GRID = "#e3e7ec";
  private static final String ZERO = "#8a93a3";
  private static final String LIMIT = "#b3261e";
  private static final String[] COLOURS = {
    "#1d4ed8", "#c2570c", "#0b7a5b", "#8b2fb8", "#b3261e", "#0e7490", "#6b6a12", "#be185d"
  };
  private static final int[][] HEAT = {
    {247, 251, 255}, {171, 208, 230}, {106, 174, 214}, {55, 135, 192}, {16, 91, 164}, {8, 48, 107}
  };

  /** One curve, thinned out. */
  private record Curve(
      String title, String colour, boolean dashed, double dash, Column.View all, int[] kept) {}

  /** Where the name of a curve stands. */
  private record Place(double x, int y) {}

  private final Panels.Panel panel;
  private final Canvas canvas;
  private final int top;
  private final int bottom;
  private long from = Long.MAX_VALUE;
  private long to = Long.MIN_VALUE;
  private double low;
  private double high;
  private AxisScale scale = AxisScale.LINEAR;

  private PanelPicture(Panels.Panel panel, Canvas canvas, int down) {
    this.panel = panel;
    this.canvas = canvas;
    this.top = TOP + down;
    this.bottom = BOTTOM + down;
  }

  /** Pictures by name: one of the curves of all runs, or a heat map for each run. */
  static Map<String, Picture> of(Panels.Panel panel, List<RunData.State> runs) {
    Map<String, Picture> pictures = new LinkedHashMap<>();
    if (panel.part().isEmpty()) {
      List<Curve> curves = curves(panel, runs);
      if (curves.stream().anyMatch(curve -> !curve.dashed())) {
        pictures.put(panel.id(), picture(panel, down(curves), each -> each.lines(curves)));
      }
      return pictures;
    }
    for (int i = 0; i < runs.size(); i++) {
      List<RunData.Parts> parts = runs.get(i).parts().get(panel.lines().getFirst().id());
      if (parts != null && !parts.isEmpty()) {
        String name = runs.size() == 1 ? panel.id() : panel.id() + "-" + (i + 1);
        pictures.put(name, picture(panel, 0, each -> each.heat(parts)));
      }
    }
    return pictures;
  }

  private static Picture picture(Panels.Panel panel, int down, Consumer<PanelPicture> drawing) {
    return new Picture(
        panel.title(),
        WIDTH,
        HEIGHT + down,
        canvas -> drawing.accept(new PanelPicture(panel, canvas, down)));
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
          // With more curves than colours, dots tell the later ones from the first.
          double dash = line.dashed() ? 5 : curves.size() < COLOURS.length ? 0 : 2;
          curves.add(new Curve(title, colour, line.dashed(), dash, all, kept));
        }
      }
    }
    return curves;
  }

  private void lines(List<Curve> curves) {
    measure(curves);
    begin();
    axes();
    panel.limit().ifPresent(limit -> level(limit, new Stroke(LIMIT, 1, 5)));
    if (low < 0 && high > 0 && scale.signed()) {
      level(0, new Stroke(ZERO, 1, 0));
    }
    curves.forEach(this::band);
    curves.forEach(this::curve);
    legend(curves);
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
    return bottom - part * (bottom - top);
  }

  private void begin() {
    canvas.text(LEFT, 22, panel.title(), TITLE, Anchor.START, INK);
    canvas.text(RIGHT, 22, panel.unit(), WORDS, Anchor.END, SOFT);
  }

  private void axes() {
    for (double value : scale.ticks(low, high)) {
      double at = y(value);
      canvas.line(LEFT, at, RIGHT, at, GRID, 1);
      words(LEFT - 8, at + 4, AxisScale.label(value), Anchor.END);
    }
    steps();
  }

  private void steps() {
    for (double step : AxisScale.linear(from, to, 7)) {
      if (step == Math.rint(step)) {
        words(x(step), bottom + 18, AxisScale.step(step), Anchor.MIDDLE);
      }
    }
    words(RIGHT, bottom + 36, "step", Anchor.END);
  }

  private void words(double x, double y, String words, Anchor anchor) {
    canvas.text(x, y, words, WORDS, anchor, SOFT);
  }

  private void level(double value, Stroke stroke) {
    canvas.path(new double[] {LEFT, RIGHT}, new double[] {y(value), y(value)}, stroke);
  }

  private void band(Curve curve) {
    if (curve.all().errors().length == 0) {
      return;
    }
    int count = curve.kept().length;
    double[] x = new double[2 * count];
    double[] y = new double[2 * count];
    for (int i = 0; i < count; i++) {
      int at = curve.kept()[i];
      int back = 2 * count - 1 - i;
      x[i] = x(curve.all().steps()[at]);
      y[i] = end(curve, at, 1);
      x[back] = x[i];
      y[back] = end(curve, at, -1);
    }
    canvas.area(x, y, curve.colour(), BAND);
  }

  private double end(Curve curve, int at, int sign) {
    double error = curve.all().error(at);
    double value = curve.all().values()[at] + sign * (Double.isFinite(error) ? error : 0);
    return scale.fits(value) ? y(value) : bottom;
  }

  private void curve(Curve curve) {
    int[] fitting =
        Arrays.stream(curve.kept()).filter(at -> scale.fits(curve.all().values()[at])).toArray();
    if (fitting.length == 0) {
      return;
    }
    double[] x = Arrays.stream(fitting).mapToDouble(at -> x(curve.all().steps()[at])).toArray();
    double[] y = Arrays.stream(fitting).mapToDouble(at -> y(curve.all().values()[at])).toArray();
    canvas.path(x, y, new Stroke(curve.colour(), 1.5, curve.dash()));
  }

  private void legend(List<Curve> curves) {
    List<Place> places = places(curves);
    for (int i = 0; i < places.size(); i++) {
      Curve curve = curves.get(i);
      double x = places.get(i).x();
      double y = places.get(i).y();
      canvas.path(
          new double[] {x, x + 16},
          new double[] {y - 4, y - 4},
          new Stroke(curve.colour(), 2.5, Math.min(curve.dash(), 4)));
      canvas.text(x + 21, y, curve.title(), WORDS, Anchor.START, INK);
    }
  }

  /** How far the curves are moved down by a legend of several rows. */
  private static int down(List<Curve> curves) {
    return places(curves).getLast().y() - LEGEND;
  }

  /** Where the names of the curves stand, in as many rows as they need. */
  private static List<Place> places(List<Curve> curves) {
    List<Place> places = new ArrayList<>();
    double x = LEFT;
    int y = LEGEND;
    for (Curve curve : curves) {
      double width = 40 + LETTER * curve.title().length();
      if (x > LEFT && x + width > RIGHT) {
        x = LEFT;
        y += ROW;
      }
      places.add(new Place(x, y));
      x += width;
    }
    return places;
  }

  private void heat(List<RunData.Parts> measured) {
    HeatMap map = HeatMap.of(measured, panel.group() == Signal.Group.SPREAD);
    from = map.parts().getFirst().step();
    to = Math.max(from + 1, map.parts().getLast().step());
    begin();
    double height = (double) (bottom - top) / Math.max(1, map.rows());
    for (int i = 0; i < map.parts().size(); i++) {
      double left = x(i == 0 ? from : map.between(i - 1));
      double right = x(i + 1 == map.parts().size() ? to : map.between(i)) + OVERLAP;
      for (int row = 0; row < map.rows(); row++) {
        OptionalDouble shade = map.shade(i, row);
        if (shade.isPresent()) {
          double upper = bottom - (row + 1) * height;
          double lower = upper + height + OVERLAP;
          canvas.area(
              new double[] {left, right, right, left},
              new double[] {upper, upper, lower, lower},
              colour(shade.getAsDouble()),
              1);
        }
      }
    }
    map.labels(panel.part().orElse(""))
        .forEach((row, label) -> words(LEFT - 8, bottom - row * height + 4, label, Anchor.END));
    steps();
    words(
        LEFT,
        LEGEND,
        "from "
            + AxisScale.label(map.lightest())
            + " (light) to "
            + AxisScale.label(map.darkest())
            + " (dark)",
        Anchor.START);
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
}
