package dynaxx.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** Java examples of a page of the documentation, which a source file that is compiled contains. */
public final class PageExamples {

  private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  private PageExamples() {}

  /**
   * Asserts that a page has so many examples, and that all of them are in a source file, whatever
   * the white space. Blocks at the end of an example may be closed later in the source.
   */
  public static void assertCompiled(Path page, int count, Path source) throws IOException {
    String compiled = squeezed(Files.readString(source));
    List<String> examples =
        JAVA.matcher(Files.readString(page)).results().map(example -> example.group(1)).toList();
    assertEquals(count, examples.size(), "examples in " + page);
    for (String example : examples) {
      String open = squeezed(example).replaceFirst("}+$", "");
      assertTrue(compiled.contains(open), "not in " + source + ":\n" + example);
    }
  }

  private static String squeezed(String code) {
    return code.replaceAll("\\s+", "");
  }
}
