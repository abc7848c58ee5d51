package dynaxx.dashboard.picture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.dashboard.picture.Canvas.Anchor;
import dynaxx.dashboard.picture.Canvas.Stroke;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

/** The same drawing as pixels and as a document. */
class PictureTest {

  private static final int WHITE = 0xffffff;

  private static final Picture PICTURE =
      new Picture(
          "a \"b\" <c> & d",
          100,
          60,
          canvas -> {
            double[] x = {10, 30, 30, 10};
            double[] y = {10, 10, 20, 20};
            canvas.area(x, y, "#ff0000", 1);
            canvas.area(new double[] {40, 60, 60, 40}, y, "#0000ff", 0.5);
            canvas.line(0, 40, 100, 40, "#008000", 2);
            double[] along = {0, 100};
            canvas.path(along, new double[] {50, 50}, new Stroke("#000000", 2, 10));
            canvas.text(98, 32, "<&>", 12, Anchor.END, "#000000");
          });

  @Test
  void pixelsAreWhereTheyWereDrawn() throws IOException {
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(PICTURE.png()));
    assertEquals(200, image.getWidth());
    assertEquals(120, image.getHeight());
    assertEquals(WHITE, pixel(image, 5, 5));
    assertEquals(0xff0000, pixel(image, 20, 15));
    Color through = new Color(pixel(image, 50, 15));
    assertEquals(127, through.getRed(), 2);
    assertEquals(255, through.getBlue());
    assertEquals(0x008000, pixel(image, 70, 40));
    assertEquals(0x000000, pixel(image, 5, 50));
    assertEquals(WHITE, pixel(image, 15, 50));
    assertEquals(0x000000, pixel(image, 25, 50));
    int dark = 0;
    for (int column = 130; column < 200; column++) {
      for (int row = 40; row < 70; row++) {
        dark += new Color(image.getRGB(column, row)).getRed() < 100 ? 1 : 0;
      }
    }
    assertTrue(dark > 30, dark + " pixels of the words");
  }

  private static int pixel(BufferedImage image, int x, int y) {
    return image.getRGB(2 * x, 2 * y) & WHITE;
  }

  @Test
  void theDocumentIsWellFormed() throws Exception {
    Element svg =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(PICTURE.svg())))
            .getDocumentElement();
    assertEquals("svg", svg.getTagName());
    assertEquals("0 0 100 60", svg.getAttribute("viewBox"));
    assertEquals("a \"b\" <c> & d", svg.getAttribute("aria-label"));
    assertEquals("<&>", svg.getElementsByTagName("text").item(0).getTextContent());
    Element half = (Element) svg.getElementsByTagName("polygon").item(1);
    assertEquals("40.0,10.0 60.0,10.0 60.0,20.0 40.0,20.0", half.getAttribute("points"));
    assertEquals("0.50", half.getAttribute("fill-opacity"));
    Element dashed = (Element) svg.getElementsByTagName("polyline").item(1);
    assertEquals("10.0", dashed.getAttribute("stroke-dasharray"));
  }
}
