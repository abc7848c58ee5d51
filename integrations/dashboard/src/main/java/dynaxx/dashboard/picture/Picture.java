package dynaxx.dashboard.picture;

import java.util.function.Consumer;

/**
 * A drawing on white, and the files that it becomes.
 *
 * @param title what it shows, for those who cannot see it
 * @param width in pixels of a screen
 * @param height in pixels of a screen
 * @param drawing draws it, the same each time
 */
public record Picture(String title, int width, int height, Consumer<Canvas> drawing) {

  /**
   * For pages and for papers that scale their pictures.
   *
   * @return an SVG document
   */
  public String svg() {
    SvgCanvas canvas = new SvgCanvas(title, width, height);
    drawing.accept(canvas);
    return canvas.document();
  }

  /**
   * For what takes no SVG; has twice the width and height in pixels, so that it is sharp in print.
   *
   * @return a PNG file
   */
  public byte[] png() {
    PngCanvas canvas = new PngCanvas(width, height);
    drawing.accept(canvas);
    return canvas.file();
  }
}
