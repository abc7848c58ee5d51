package dynaxx.testing;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;

/** Files of the known cases, for what reads files and not streams. */
public final class CaseFiles {

  private CaseFiles() {}

  /** A file of a case, copied out of the jar if it lies in one. */
  public static Path path(String name, String file) {
    String resource = "/dynaxx/cases/" + name + "/" + file;
    URL url = Objects.requireNonNull(CaseFiles.class.getResource(resource), resource);
    try {
      return url.getProtocol().equals("file") ? Path.of(url.toURI()) : copied(url, name, file);
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException(resource, e);
    }
  }

  private static Path copied(URL url, String name, String file) throws IOException {
    Path folder = Files.createDirectories(Path.of("target", "cases", name));
    Path copy = Files.createTempFile(folder, "", file);
    try (InputStream in = url.openStream()) {
      Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
    }
    return Files.move(copy, folder.resolve(file), StandardCopyOption.ATOMIC_MOVE);
  }
}
