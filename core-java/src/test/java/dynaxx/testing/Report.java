package dynaxx.testing;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * A table that a test measures. With all runs it is held to what the documentation promises, and
 * written there; with a part of them, it must be the approved one to the last digit, since the runs
 * are seeded.
 */
public final class Report {

  private final String document;
  private final String table;
  private final StringBuilder text = new StringBuilder();

  /**
   * @param document file in the folder of the documentation, without its ending
   * @param table name of the table: in the document, it follows a line {@code <!-- table NAME -->}
   */
  public Report(String document, String table) {
    this.document = document;
    this.table = table;
  }

  /** Adds a line. */
  public void line(String line) {
    text.append(line).append('\n');
  }

  /** What the documentation promises of all runs; a part of them may miss it by chance. */
  public void promise(boolean kept, Supplier<String> message) {
    if (Extent.full()) {
      assertTrue(kept, message);
    }
  }

  /** Prints the table, and approves it or writes it. */
  public void finish() throws IOException {
    System.out.println(document + ", " + table + "\n" + text);
    if (Extent.full()) {
      write();
    } else {
      Approved.assertApproved(document + "-" + table + ".md", text.toString());
    }
  }

  private void write() throws IOException {
    Path file = Path.of("..", "docs", document + ".md");
    String whole = Files.readString(file);
    String mark = "<!-- table " + table + " -->\n";
    int from = whole.indexOf(mark) + mark.length();
    assertTrue(from >= mark.length(), () -> file + ": found no line " + mark.strip());
    int to = whole.indexOf("\n\n", from) + 1;
    Files.writeString(file, whole.substring(0, from) + text + whole.substring(to));
  }
}
