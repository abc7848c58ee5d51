package dynaxx.app.plot;

import dynaxx.dashboard.picture.Canvas;
import dynaxx.dashboard.picture.Canvas.Anchor;
import dynaxx.dashboard.picture.Canvas.Stroke;
import dynaxx.dashboard.picture.Picture;
import dynaxx.spectrum.SpectralDensity;
import java.util.Arrays;
import java.util.Locale;

/**
 * A picture of a spectrum: the density on a logarithmic scale, since most eigenvalues lie close to
 * zero, and below it the Ritz values that it comes from, as high as their weights.
 */
public final class SpectrumPlot {

  private static final int WIDTH = 860;
  private static final int HEIGHT = 520;
  private static final int LEFT = 74;
  private static final int RIGHT = WIDTH - 24;
  private static final int TOP = 44;
  private static final int BOTTOM = 350;
  private static final int STICKS_TOP = 378;
  private static final int STICKS_BOTTOM = 458;
  private static final String INK = "#222222";
  private static final String GRID = "#dddddd";
  private static final String CURVE = "#1f5fa8";
  private static final String FILL = "#d9e6f4";
  private static final String NEGATIVE = "#b5341f";

  /** The lowest density drawn: below it a smoothed curve has nothing but tails. */
  private static final double LEAST_WEIGHT = 1e-7;

  private final Canvas canvas;
  private final SpectralDensity density;
  private final double[] at;
  private final double[] curve;
  private final double least;
  private final double most;

  private SpectrumPlot(Canvas canvas, SpectralDensity density) {
    this.canvas = canvas;
    this.density = density;
    double[] nodes = density.nodes();
    double width = Math.max(density.defaultWidth() / 2, span(nodes) / 400);
    int points =
        (int) Math.clamp(Math.ceil((span(nodes) + 12 * width) / width) * 4 + 1, 801, 20_001);
    this.at = density.positions(points, width);
    this.curve = density.density(at, width);
    double peak = Arrays.stream(curve).max().orElseThrow();
    this.most = Math.ceil(Math.log10(peak) + 0.05);
    this.least = Math.max(Math.floor(Math.log10(peak * LEAST_WEIGHT)), most - 8);
  }

  private static double span(double[] nodes) {
    double span = nodes[nodes.length - 1] - nodes[0];
    return span > 0 ? span : 1;
  }

  /**
   * Draws it.
   *
   * @param model what it is the spectrum of
   * @param density what is drawn
   */
  public static Picture of(String model, SpectralDensity density) {
    String title = "Spectrum of the Hessian: " + model;
    return new Picture(
        title, WIDTH, HEIGHT, canvas -> new SpectrumPlot(canvas, density).draw(title));
  }

  private double x(double value) {
    double part = (value - at[0]) / (at[at.length - 1] - at[0]);
    return LEFT + part * (RIGHT - LEFT);
  }

  private double y(double density) {
    double part = (Math.log10(Math.max(density, 1e-300)) - least) / (most - least);
    return BOTTOM - Math.clamp(part, 0, 1) * (BOTTOM - TOP);
  }

  private void draw(String title) {
    canvas.text(LEFT, 26, title, 16, Anchor.START, INK);
    axes();
    curve();
    sticks();
    double negative = density.massBelow(0).value();
    canvas.text(
        RIGHT,
        TOP + 18,
        String.format(Locale.ROOT, "%.1f %% negative", 100 * negative),
        13,
        Anchor.END,
        NEGATIVE);
  }

  private void axes() {
    int step = most - least > 6 ? 2 : 1;
    for (int power = (int) least; power <= most; power += step) {
      double at = y(Math.pow(10, power));
      canvas.line(LEFT, at, RIGHT, at, GRID, 1);
      canvas.text(LEFT - 8, at + 4, "1e" + power, 12, Anchor.END, INK);
    }
    canvas.text(LEFT - 62, TOP - 14, "density", 12, Anchor.START, INK);
    double tick = tick(at[at.length - 1] - at[0]);
    for (double value = Math.ceil(at[0] / tick) * tick; value <= at[at.length - 1]; value += tick) {
      canvas.line(x(value), TOP, x(value), STICKS_BOTTOM, GRID, 1);
      canvas.text(x(value), STICKS_BOTTOM + 18, label(value, tick), 12, Anchor.MIDDLE, INK);
    }
    if (at[0] < 0 && at[at.length - 1] > 0) {
      canvas.line(x(0), TOP, x(0), STICKS_BOTTOM, NEGATIVE, 1);
    }
    canvas.line(LEFT, BOTTOM, RIGHT, BOTTOM, INK, 1);
    canvas.line(LEFT, STICKS_BOTTOM, RIGHT, STICKS_BOTTOM, INK, 1);
    canvas.text((LEFT + RIGHT) / 2.0, HEIGHT - 12, "eigenvalue", 13, Anchor.MIDDLE, INK);
  }

  /** A round distance that divides a length into five to twelve parts. */
  private static double tick(double length) {
    double power = Math.pow(10, Math.floor(Math.log10(length / 5)));
    double parts = length / 5 / power;
    return power * (parts >= 5 ? 5 : parts >= 2 ? 2 : 1);
  }

  private static String label(double value, double tick) {
    double rounded = Math.rint(value / tick) * tick;
    int decimals = (int) Math.max(0, -Math.floor(Math.log10(tick) + 1e-9));
    boolean plain = decimals <= 4 && Math.abs(rounded) < 1e6;
    return plain
        ? String.format(Locale.ROOT, "%." + decimals + "f", rounded == 0 ? 0 : rounded)
        : String.format(Locale.ROOT, "%.3g", rounded);
  }

  private void curve() {
    double[] xs = Arrays.stream(at).map(this::x).toArray();
    double[] ys = Arrays.stream(curve).map(this::y).toArray();
    double[] closedX = Arrays.copyOf(xs, xs.length + 2);
    double[] closedY = Arrays.copyOf(ys, ys.length + 2);
    closedX[xs.length] = xs[xs.length - 1];
    closedX[xs.length + 1] = xs[0];
    closedY[ys.length] = BOTTOM;
    closedY[ys.length + 1] = BOTTOM;
    canvas.area(closedX, closedY, FILL, 1);
    canvas.path(xs, ys, new Stroke(CURVE, 1.6, 0));
  }

  private void sticks() {
    double[] nodes = density.nodes();
    double[] weights = density.weights();
    double heaviest = Math.log10(Arrays.stream(weights).max().orElseThrow());
    for (int i = 0; i < nodes.length; i++) {
      double part = 1 - (heaviest - Math.log10(Math.max(weights[i], 1e-12))) / 10;
      double height = Math.clamp(part, 0.12, 1) * (STICKS_BOTTOM - STICKS_TOP);
      String colour = nodes[i] < 0 ? NEGATIVE : CURVE;
      canvas.line(x(nodes[i]), STICKS_BOTTOM, x(nodes[i]), STICKS_BOTTOM - height, colour, 1);
    }
    canvas.text(LEFT - 8, STICKS_TOP + 12, "Ritz", 12, Anchor.END, INK);
    canvas.text(LEFT - 8, STICKS_TOP + 28, "values", 12, Anchor.END, INK);
  }
}
