package dynaxx.dashboard.picture;

import java.util.Locale;

/** Draws an SVG document. */
final class SvgCanvas implements Canvas {

  private final StringBuilder out = new StringBuilder();

  SvgCanvas(String title, int width, int height) {
    add(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\""
            + " height=\"%d\" font-family=\"Helvetica, Arial, sans-serif\" role=\"img\""
            + " aria-label=\"%s\">",
        width, height, width, height, escaped(title));
    add("<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>", width, height);
  }

  @Override
  public void path(double[] x, double[] y, Stroke stroke) {
    String dash =
        stroke.dash() == 0
            ? ""
            : String.format(Locale.ROOT, " stroke-dasharray=\"%.1f\"", stroke.dash());
    add(
        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\""
            + " stroke-linejoin=\"round\"%s/>",
        points(x, y), stroke.colour(), stroke.width(), dash);
  }

  @Override
  public void area(double[] x, double[] y, String colour, double opacity) {
    String through =
        opacity == 1 ? "" : String.format(Locale.ROOT, " fill-opacity=\"%.2f\"", opacity);
    add("<polygon points=\"%s\" fill=\"%s\"%s/>", points(x, y), colour, through);
  }

  @Override
  public void text(double x, double y, String words, int size, Anchor anchor, String colour) {
    add(
        "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"%s\" fill=\"%s\">%s</text>",
        x, y, size, anchor.name().toLowerCase(Locale.ROOT), colour, escaped(words));
  }

  private static String points(double[] x, double[] y) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < x.length; i++) {
      points.append(String.format(Locale.ROOT, i == 0 ? "%.1f,%.1f" : " %.1f,%.1f", x[i], y[i]));
    }
    return points.toString();
  }

  private void add(String format, Object... values) {
    out.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  private static String escaped(String words) {
    return words
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  String document() {
    return out + "</svg>\n";
  }
}
