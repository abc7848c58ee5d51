package dynaxx.app.plot;

import java.util.Locale;

/** Draws an SVG file. */
final class SvgCanvas implements Canvas {

  private final StringBuilder body = new StringBuilder();
  private final int width;
  private final int height;

  SvgCanvas(int width, int height) {
    this.width = width;
    this.height = height;
  }

  @Override
  public void line(double x1, double y1, double x2, double y2, String colour, double thickness) {
    add(
        "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s' stroke-width='%.1f'/>",
        x1, y1, x2, y2, colour, thickness);
  }

  @Override
  public void path(double[] x, double[] y, String colour, double thickness, boolean filled) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < x.length; i++) {
      points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x[i], y[i]));
    }
    add(
        "<polyline points='%s' fill='%s' stroke='%s' stroke-width='%.1f'/>",
        points.toString().strip(), filled ? colour : "none", filled ? "none" : colour, thickness);
  }

  @Override
  public void text(double x, double y, String words, int size, Anchor anchor, String colour) {
    String side = anchor.name().toLowerCase(Locale.ROOT);
    add(
        "<text x='%.1f' y='%.1f' font-size='%d' text-anchor='%s' fill='%s'>%s</text>",
        x, y, size, side, colour, escaped(words));
  }

  private void add(String format, Object... arguments) {
    body.append(String.format(Locale.ROOT, format, arguments)).append('\n');
  }

  private static String escaped(String words) {
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  String document() {
    return String.format(
            Locale.ROOT,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d'"
                + " font-family='sans-serif'>%n<rect width='100%%' height='100%%'"
                + " fill='white'/>%n",
            width,
            height,
            width,
            height)
        + body
        + "</svg>\n";
  }
}
