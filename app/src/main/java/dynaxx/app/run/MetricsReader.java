package dynaxx.app.run;

import dynaxx.app.UserException;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Reading;
import dynaxx.monitor.Signal;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Reads the rows of a metrics file, ours or another's, as observations. A row or a field that makes
 * no sense is reported with its line and left out; the rest is used. Every line is parsed by
 * itself, as no field of a metrics file spans lines, so that a stray quote spoils one line only.
 */
public final class MetricsReader {

  private static final CSVFormat FORMAT =
      CSVFormat.RFC4180.builder().setIgnoreSurroundingSpaces(true).get();
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
  private static final Pattern INFINITE = Pattern.compile("[+-]?inf(inity)?");
  private static final String STEP = "step";
  private static final String EVENT = "event";
  private static final List<String> ERRORS = List.of("_error", "_residual");
  private static final int SHOWN = 200;
  private static final char BYTE_ORDER_MARK = '\uFEFF';

  private final Path file;
  private final Consumer<String> problems;
  private final Map<String, Integer> columns = new HashMap<>();
  private final Map<Signal, Integer> signals = new EnumMap<>(Signal.class);
  private int width;
  private long lastStep = -1;
  private boolean restart;

  /**
   * One usable row.
   *
   * @param observation what it says
   * @param restart whether its event column says that training was started again
   */
  public record Row(Observation observation, boolean restart) {}

  private MetricsReader(Path file, Consumer<String> problems) {
    this.file = file;
    this.problems = problems;
  }

  /**
   * Reads a file.
   *
   * @param file with a header line
   * @param problems told of everything that is left out, one line each
   * @return the usable rows, in order of steps
   * @throws UserException if the file has no step or no signal, or no usable row
   */
  public static List<Row> read(Path file, Consumer<String> problems) throws IOException {
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw new UserException(file + ": found no such file that can be read");
    }
    // Bytes that are not UTF-8 become a replacement character, and so a problem of one field.
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
      return new MetricsReader(file, problems).read(lines);
    }
  }

  private List<Row> read(BufferedReader lines) throws IOException {
    width = header(lines.readLine());
    List<Row> rows = new ArrayList<>();
    int number = 1;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      number++;
      if (!line.isBlank()) {
        row(number, line).ifPresent(rows::add);
      }
    }
    if (rows.isEmpty()) {
      throw new UserException(file + ": found no usable row below the header");
    }
    return rows;
  }

  private int header(String line) {
    if (line == null || line.isBlank()) {
      throw new UserException(file + ": found no header line, expected column names");
    }
    String names = line.charAt(0) == BYTE_ORDER_MARK ? line.substring(1) : line;
    CSVRecord header =
        parse(names)
            .orElseThrow(
                () ->
                    new UserException(
                        file + ": the header line is not valid CSV: " + shown(names)));
    for (int i = 0; i < header.size(); i++) {
      String name = header.get(i).strip().toLowerCase(Locale.ROOT);
      if (columns.put(name, i) != null && !name.isEmpty()) {
        throw new UserException(file + ": found column " + name + " twice");
      }
      int index = i;
      Signal.ofColumn(name).ifPresent(signal -> signals.put(signal, index));
    }
    boolean layers = columns.containsKey(Signal.ACTIVE_FRACTION.column(1));
    if (!columns.containsKey(STEP) || signals.isEmpty() && !layers) {
      String known =
          Arrays.stream(Signal.values()).map(Signal::column).collect(Collectors.joining(", "));
      throw new UserException(
          file
              + ": found columns "
              + shown(String.join(", ", header))
              + "; expected step and at least one of "
              + known);
    }
    return header.size();
  }

  private static Optional<CSVRecord> parse(String line) {
    try (CSVParser parser = CSVParser.parse(line, FORMAT)) {
      List<CSVRecord> records = parser.getRecords();
      return records.size() == 1 ? Optional.of(records.getFirst()) : Optional.empty();
    } catch (IOException | UncheckedIOException e) {
      return Optional.empty();
    }
  }

  private Optional<Row> row(int number, String line) {
    Optional<CSVRecord> parsed = parse(line);
    if (parsed.isEmpty()) {
      return leftOut(number, "not valid CSV");
    }
    CSVRecord fields = parsed.get();
    if (fields.size() != width) {
      return leftOut(number, "found " + fields.size() + " fields, expected " + width);
    }
    Integer event = columns.get(EVENT);
    // A restart may go back to an earlier checkpoint; that of a row left out belongs to the next.
    if (event != null && fields.get(event).toUpperCase(Locale.ROOT).contains("RESTART")) {
      restart = true;
      lastStep = -1;
    }
    Optional<Long> step = step(number, fields.get(columns.get(STEP)));
    if (step.isEmpty()) {
      return Optional.empty();
    }
    lastStep = step.get();
    Observation observation = withActiveFractions(Observation.at(lastStep), number, fields);
    for (Map.Entry<Signal, Integer> entry : signals.entrySet()) {
      Signal signal = entry.getKey();
      OptionalDouble value = number(number, signal.column(), fields.get(entry.getValue()));
      if (value.isPresent()) {
        OptionalDouble error = error(number, signal, fields);
        observation = observation.with(signal, new Reading(value.getAsDouble(), error));
      }
    }
    boolean restarted = restart;
    restart = false;
    return Optional.of(new Row(observation, restarted));
  }

  /** The layers' fractions as far as there are columns for them, and their mean. */
  private Observation withActiveFractions(Observation observation, int number, CSVRecord fields) {
    List<Double> fractions = new ArrayList<>();
    String column = Signal.ACTIVE_FRACTION.column(1);
    while (columns.containsKey(column)) {
      fractions.add(number(number, column, fields.get(columns.get(column))).orElse(Double.NaN));
      column = Signal.ACTIVE_FRACTION.column(fractions.size() + 1);
    }
    boolean known = fractions.stream().anyMatch(fraction -> !fraction.isNaN());
    return known ? observation.withActiveFractions(fractions) : observation;
  }

  private Optional<Long> step(int number, String text) {
    OptionalDouble value = number(number, STEP, text);
    if (value.isEmpty()) {
      return text.isBlank() ? leftOut(number, "no step") : leftOut(number, "no usable step");
    }
    double step = value.getAsDouble();
    if (!(step >= 0 && step <= 1L << 53 && step == Math.rint(step))) {
      return leftOut(number, "step: found " + text + ", expected a whole number from 0 on");
    }
    if (step <= lastStep) {
      return leftOut(number, "step: found " + text + ", expected a step after " + lastStep);
    }
    return Optional.of((long) step);
  }

  /** Text from the file, fit for a terminal. */
  private static String shown(String text) {
    String printable = text.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= SHOWN ? printable : printable.substring(0, SHOWN) + "...";
  }

  private <T> Optional<T> leftOut(int number, String reason) {
    problems.accept("line " + number + ": " + reason + "; row left out");
    return Optional.empty();
  }

  private OptionalDouble error(int number, Signal signal, CSVRecord fields) {
    for (String ending : ERRORS) {
      Integer column = columns.get(signal.column() + ending);
      if (column != null) {
        OptionalDouble error = number(number, signal.column() + ending, fields.get(column));
        if (error.isPresent() && error.getAsDouble() >= 0) {
          return error.getAsDouble() < Double.POSITIVE_INFINITY ? error : OptionalDouble.empty();
        }
        if (error.isPresent() && error.getAsDouble() < 0) {
          problems.accept(
              "line " + number + ": " + signal.column() + ending + " is negative; not used");
        }
      }
    }
    return OptionalDouble.empty();
  }

  /** The number in a field, NaN and infinities included; nothing for an empty field or text. */
  private OptionalDouble number(int number, String column, String field) {
    String text = field.strip().toLowerCase(Locale.ROOT);
    if (text.isEmpty()) {
      return OptionalDouble.empty();
    }
    double value = Double.NaN;
    boolean infinite = INFINITE.matcher(text).matches();
    if (infinite) {
      value = text.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    } else if (NUMBER.matcher(text).matches()) {
      value = Double.parseDouble(text);
    } else if (!text.equals("nan")) {
      problems.accept(
          "line "
              + number
              + ": "
              + column
              + ": found '"
              + shown(field)
              + "', expected a number; not used");
      return OptionalDouble.empty();
    }
    if (!Double.isFinite(value)) {
      problems.accept("line " + number + ": " + column + ": found " + shown(field) + "; not used");
    }
    return OptionalDouble.of(value);
  }
}
