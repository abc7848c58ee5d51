package dynaxx.app.plot;

import dynaxx.app.io.WholeFile;
import dynaxx.dashboard.picture.Picture;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Files that pictures are written to. */
public final class Pictures {

  private Pictures() {}

  /** The kind of picture that a file's name states: png or svg. */
  public static Optional<String> ending(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return List.of("png", "svg").stream().filter(e -> name.endsWith("." + e)).findFirst();
  }

  /** Writes a whole file, or none: SVG if its name says so, PNG otherwise. */
  public static void write(Path file, Picture picture) throws IOException {
    byte[] bytes =
        ending(file).orElse("").equals("svg")
            ? picture.svg().getBytes(StandardCharsets.UTF_8)
            : picture.png();
    WholeFile.write(file, out -> out.write(bytes));
  }
}
