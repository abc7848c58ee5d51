package dynaxx.testing;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Texts that somebody has looked at and approved. They lie in {@code
 * src/test/resources/dynaxx/approved}; a test that finds another text fails, and says how to
 * approve it.
 */
public final class Approved {

  private Approved() {}

  /** Compares with the approved text of that name, line by line. */
  public static void assertApproved(String name, String found) {
    Path file = write(name, found);
    String approved = read(name);
    if (found.equals(approved)) {
      return;
    }
    fail(
        "%s: found another text than the approved one (- approved, + found):%n%s%nIf this is meant: cp %s %s"
            .formatted(
                name,
                difference(approved.lines().toList(), found.lines().toList()),
                file.toAbsolutePath(),
                Path.of("src/test/resources/dynaxx/approved", name).toAbsolutePath()));
  }

  private static Path write(String name, String text) {
    try {
      Path file = Path.of("target", "approved", name);
      Files.createDirectories(file.getParent());
      return Files.writeString(file, text);
    } catch (IOException e) {
      throw new IllegalStateException(name, e);
    }
  }

  private static String read(String name) {
    try (InputStream in = Approved.class.getResourceAsStream("/dynaxx/approved/" + name)) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(name, e);
    }
  }

  private static String difference(List<String> approved, List<String> found) {
    List<String> lines = new ArrayList<>();
    approved.stream().filter(line -> !found.contains(line)).forEach(line -> lines.add("- " + line));
    found.stream().filter(line -> !approved.contains(line)).forEach(line -> lines.add("+ " + line));
    return lines.isEmpty() ? "(the same lines in another order)" : String.join("\n", lines);
  }
}
