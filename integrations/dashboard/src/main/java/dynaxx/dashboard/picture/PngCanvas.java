package dynaxx.dashboard.picture;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Draws a PNG file, at twice the size for sharp words. */
final class PngCanvas implements Canvas {

  private static final int SCALE = 2;
  private static final int OPAQUE = 255;

  private final BufferedImage image;
  private final Graphics2D graphics;

  PngCanvas(int width, int height) {
    image = new BufferedImage(width * SCALE, height * SCALE, BufferedImage.TYPE_INT_RGB);
    graphics = image.createGraphics();
    graphics.scale(SCALE, SCALE);
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, width, height);
  }

  @Override
  public void path(double[] x, double[] y, Stroke stroke) {
    graphics.setColor(Color.decode(stroke.colour()));
    float width = (float) stroke.width();
    graphics.setStroke(
        stroke.dash() == 0
            ? new BasicStroke(width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND)
            : new BasicStroke(
                width,
                BasicStroke.CAP_BUTT,
                BasicStroke.JOIN_ROUND,
                1,
                new float[] {(float) stroke.dash()},
                0));
    graphics.draw(through(x, y));
  }

  @Override
  public void area(double[] x, double[] y, String colour, double opacity) {
    Color full = Color.decode(colour);
    int alpha = (int) Math.round(opacity * OPAQUE);
    graphics.setColor(new Color(full.getRed(), full.getGreen(), full.getBlue(), alpha));
    graphics.fill(through(x, y));
  }

  private static Path2D through(double[] x, double[] y) {
    Path2D path = new Path2D.Double();
    path.moveTo(x[0], y[0]);
    for (int i = 1; i < x.length; i++) {
      path.lineTo(x[i], y[i]);
    }
    return path;
  }

  @Override
  public void text(double x, double y, String words, int size, Anchor anchor, String colour) {
    graphics.setColor(Color.decode(colour));
    graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, size));
    double width = graphics.getFontMetrics().getStringBounds(words, graphics).getWidth();
    double left =
        switch (anchor) {
          case START -> x;
          case MIDDLE -> x - width / 2;
          case END -> x - width;
        };
    graphics.drawString(words, (float) left, (float) y);
  }

  byte[] file() {
    graphics.dispose();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // Not through a file of its own beside: where temporary files cannot be made, this can.
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
