package dynaxx.app.plot;

import dynaxx.app.io.WholeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/** Files that pictures are written to. */
public final class Pictures {

  private Pictures() {}

  /** The kind of picture that a file's name states: png or svg. */
  public static Optional<String> ending(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return List.of("png", "svg").stream().filter(e -> name.endsWith("." + e)).findFirst();
  }

  /** Draws a whole file, or none. */
  static void write(Path file, int width, int height, Consumer<Canvas> picture) throws IOException {
    if (ending(file).orElse("").equals("svg")) {
      SvgCanvas svg = new SvgCanvas(width, height);
      picture.accept(svg);
      byte[] bytes = svg.document().getBytes(StandardCharsets.UTF_8);
      WholeFile.write(file, out -> out.write(bytes));
      return;
    }
    PngCanvas png = new PngCanvas(width, height);
    picture.accept(png);
    WholeFile.write(file, png::write);
  }
}
