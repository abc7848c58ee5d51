package dynaxx.app.plot;

import dynaxx.app.corpus.Reliability;
import dynaxx.dashboard.picture.Canvas;
import dynaxx.dashboard.picture.Canvas.Anchor;
import dynaxx.dashboard.picture.Picture;
import java.util.List;
import java.util.Locale;

/**
 * A reliability diagram: the probability that was forecast against the part that came true. Points
 * on the diagonal are those of a forecast that is as often right as it says.
 */
public final class ReliabilityPlot {

  private static final String TITLE = "Will the loss double within 50 steps?";
  private static final int WIDTH = 560;
  private static final int HEIGHT = 560;
  private static final int LEFT = 70;
  private static final int RIGHT = WIDTH - 24;
  private static final int TOP = 64;
  private static final int BOTTOM = HEIGHT - 60;
  private static final int CORNERS = 24;
  private static final String INK = "#222222";
  private static final String GRID = "#dddddd";
  private static final String DIAGONAL = "#999999";
  private static final String POINT = "#1f5fa8";

  private ReliabilityPlot() {}

  /**
   * Draws it.
   *
   * @param bins what is drawn, with their 95 % intervals
   */
  public static Picture of(List<Reliability.Forecast> bins) {
    return new Picture(TITLE, WIDTH, HEIGHT, canvas -> draw(canvas, bins));
  }

  private static double x(double p) {
    return LEFT + p * (RIGHT - LEFT);
  }

  private static double y(double p) {
    return BOTTOM - p * (BOTTOM - TOP);
  }

  private static void draw(Canvas canvas, List<Reliability.Forecast> bins) {
    canvas.text(LEFT, 28, TITLE, 16, Anchor.START, INK);
    for (int tenth = 0; tenth <= 10; tenth += 2) {
      double p = tenth / 10.0;
      String label = String.format(Locale.ROOT, "%.1f", p);
      canvas.line(LEFT, y(p), RIGHT, y(p), GRID, 1);
      canvas.line(x(p), TOP, x(p), BOTTOM, GRID, 1);
      canvas.text(LEFT - 10, y(p) + 4, label, 12, Anchor.END, INK);
      canvas.text(x(p), BOTTOM + 20, label, 12, Anchor.MIDDLE, INK);
    }
    canvas.text((LEFT + RIGHT) / 2.0, BOTTOM + 44, "forecast", 13, Anchor.MIDDLE, INK);
    canvas.text(LEFT - 54, TOP - 10, "came true", 13, Anchor.START, INK);
    canvas.line(x(0), y(0), x(1), y(1), DIAGONAL, 1.5);
    for (Reliability.Forecast bin : bins) {
      double at = x(bin.forecast());
      canvas.line(at, y(bin.seen().low()), at, y(bin.seen().high()), POINT, 1.5);
      dot(canvas, at, y(bin.seen().value()), 2.5 + Math.log10(bin.steps()));
    }
  }

  private static void dot(Canvas canvas, double x, double y, double radius) {
    double[] xs = new double[CORNERS];
    double[] ys = new double[CORNERS];
    for (int i = 0; i < CORNERS; i++) {
      xs[i] = x + radius * Math.cos(2 * Math.PI * i / CORNERS);
      ys[i] = y + radius * Math.sin(2 * Math.PI * i / CORNERS);
    }
    canvas.area(xs, ys, POINT, 1);
  }
}
