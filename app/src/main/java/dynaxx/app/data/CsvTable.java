package dynaxx.app.data;

import dynaxx.memory.HostBuffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Numbers in lines of text with commas, semicolons or tabs between them; a first line that holds no
 * numbers names the columns.
 */
final class CsvTable {

  private static final int LONGEST_LINE = 1 << 24;
  private static final String BYTE_ORDER_MARK = "\uFEFF";

  private final int columns;
  private final List<float[]> rows;
  private final boolean whole;

  private CsvTable(int columns, List<float[]> rows, boolean whole) {
    this.columns = columns;
    this.rows = rows;
    this.whole = whole;
  }

  /**
   * Reads a table.
   *
   * @param wanted names or numbers of columns from 0, with commas; null for all
   */
  static CsvTable read(Path file, String wanted) throws IOException {
    List<float[]> rows = new ArrayList<>();
    boolean whole = true;
    int[] chosen = null;
    int width = -1;
    String separator = null;
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      int number = 0;
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        number++;
        line = number == 1 && line.startsWith(BYTE_ORDER_MARK) ? line.substring(1) : line;
        if (line.isBlank()) {
          continue;
        }
        if (line.length() > LONGEST_LINE) {
          throw refused(file, number, "a line of " + line.length() + " characters", "numbers");
        }
        separator = separator == null ? separator(line) : separator;
        String[] cells = line.split(separator, -1);
        boolean names = width < 0 && isHeader(cells);
        if (width < 0) {
          width = cells.length;
          chosen = chosen(file, wanted, names ? cells : null, width);
        }
        if (cells.length != width) {
          throw refused(file, number, cells.length + " values", width + " as in the first line");
        }
        if (names) {
          continue;
        }
        float[] row = row(file, number, cells, chosen);
        for (float v : row) {
          whole &= v == Math.rint(v);
        }
        rows.add(row);
      }
    } catch (MalformedInputException e) {
      throw new DatasetException(file + ": found no UTF-8 text, expected a table");
    }
    if (rows.isEmpty()) {
      throw new DatasetException(file + ": found no numbers, expected a table");
    }
    return new CsvTable(chosen.length, rows, whole);
  }

  private static DatasetException refused(Path file, int line, String found, String expected) {
    return new DatasetException(
        file + ": line " + line + ": found " + found + ", expected " + expected);
  }

  /** One for the whole file, so that a decimal comma is not taken for the end of a cell. */
  private static String separator(String line) {
    return line.indexOf('\t') >= 0 ? "\t" : line.indexOf(';') >= 0 ? ";" : ",";
  }

  /** A missing value at the beginning makes no header of an example. */
  private static boolean isHeader(String[] cells) {
    return Arrays.stream(cells).noneMatch(c -> isNumber(c) || c.strip().equalsIgnoreCase("nan"));
  }

  private static boolean isNumber(String cell) {
    try {
      Double.parseDouble(cell.strip());
      return true;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  private static int[] chosen(Path file, String wanted, String[] names, int width) {
    if (wanted == null) {
      return IntStream.range(0, width).toArray();
    }
    List<String> known =
        names == null ? List.of() : Arrays.stream(names).map(CsvTable::unquoted).toList();
    String[] asked = wanted.split(",");
    int[] chosen = new int[asked.length];
    for (int i = 0; i < asked.length; i++) {
      String name = asked[i].strip();
      chosen[i] = known.indexOf(name);
      if (chosen[i] < 0 && name.matches("[0-9]{1,6}") && Integer.parseInt(name) < width) {
        chosen[i] = Integer.parseInt(name);
      }
      if (chosen[i] < 0) {
        throw new DatasetException(
            file
                + ": found no column '"
                + name
                + "', expected one of "
                + (known.isEmpty() ? "0 to " + (width - 1) : known));
      }
    }
    return chosen;
  }

  private static String unquoted(String cell) {
    String text = cell.strip();
    boolean quoted = text.length() > 1 && text.startsWith("\"") && text.endsWith("\"");
    return quoted ? text.substring(1, text.length() - 1) : text;
  }

  private static float[] row(Path file, int number, String[] cells, int[] chosen) {
    float[] row = new float[chosen.length];
    for (int i = 0; i < row.length; i++) {
      String cell = cells[chosen[i]].strip();
      if (!isNumber(cell)) {
        throw refused(file, number, "'" + shortened(cell) + "'", "a number");
      }
      row[i] = Float.parseFloat(cell);
    }
    return row;
  }

  private static String shortened(String cell) {
    return cell.length() > 40 ? cell.substring(0, 40) + "..." : cell;
  }

  /** Rows and columns; of a single column the rows. */
  List<Long> shape() {
    return columns == 1 ? List.of((long) rows.size()) : List.of((long) rows.size(), (long) columns);
  }

  boolean isWhole() {
    return whole;
  }

  void copy(long row, HostBuffer to) {
    to.put(rows.get((int) row));
  }
}
