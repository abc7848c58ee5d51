package dynaxx.app.data;

import dynaxx.memory.HostBuffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Numbers in lines of text with commas, semicolons or tabs between them; a first line that holds no
 * numbers names the columns.
 */
final class CsvTable {

  /** Characters of the first line that its separator is looked for in. */
  private static final int LOOKED_AT = 1 << 16;

  private static final int BYTE_ORDER_MARK = 0xFEFF;

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
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        CSVParser lines = parser(in)) {
      return read(file, wanted, lines);
    } catch (MalformedInputException e) {
      throw new DatasetException(file + ": found no UTF-8 text, expected a table");
    } catch (UncheckedIOException e) {
      throw new DatasetException(
          file + ": found no table (" + e.getCause().getMessage() + "), expected numbers");
    }
  }

  private static CsvTable read(Path file, String wanted, CSVParser lines) {
    List<float[]> rows = new ArrayList<>();
    boolean whole = true;
    int[] chosen = null;
    int width = -1;
    for (CSVRecord line : lines) {
      String[] cells = line.values();
      boolean names = width < 0 && isHeader(cells);
      if (width < 0) {
        width = cells.length;
        chosen = chosen(file, wanted, names ? List.of(cells) : List.of(), width);
      }
      if (cells.length != width) {
        throw refused(file, lines, cells.length + " values", width + " as in the first line");
      }
      if (names) {
        continue;
      }
      float[] row = row(file, lines, cells, chosen);
      for (float v : row) {
        whole &= v == Math.rint(v);
      }
      rows.add(row);
    }
    if (rows.isEmpty()) {
      throw new DatasetException(file + ": found no numbers, expected a table");
    }
    return new CsvTable(chosen.length, rows, whole);
  }

  private static CSVParser parser(BufferedReader in) throws IOException {
    in.mark(1);
    if (in.read() != BYTE_ORDER_MARK) {
      in.reset();
    }
    return CSVFormat.RFC4180
        .builder()
        .setDelimiter(separator(in))
        .setIgnoreEmptyLines(true)
        .setTrim(true)
        .get()
        .parse(in);
  }

  private static DatasetException refused(Path file, CSVParser at, String found, String expected) {
    return new DatasetException(
        file
            + ": line "
            + at.getCurrentLineNumber()
            + ": found "
            + found
            + ", expected "
            + expected);
  }

  /** One for the whole file, so that a decimal comma is not taken for the end of a cell. */
  private static char separator(BufferedReader in) throws IOException {
    in.mark(LOOKED_AT);
    boolean blank = true;
    for (int c = in.read(), seen = 1; c >= 0 && seen < LOOKED_AT; c = in.read(), seen++) {
      if (c == '\t' || c == ';') {
        in.reset();
        return (char) c;
      }
      if (c == '\n' && !blank) {
        break;
      }
      blank &= Character.isWhitespace(c);
    }
    in.reset();
    return ',';
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

  private static int[] chosen(Path file, String wanted, List<String> known, int width) {
    if (wanted == null) {
      return IntStream.range(0, width).toArray();
    }
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

  private static float[] row(Path file, CSVParser at, String[] cells, int[] chosen) {
    float[] row = new float[chosen.length];
    for (int i = 0; i < row.length; i++) {
      String cell = cells[chosen[i]].strip();
      if (!isNumber(cell)) {
        throw refused(file, at, "'" + shortened(cell) + "'", "a number");
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
