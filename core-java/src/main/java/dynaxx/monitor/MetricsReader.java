package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
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
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads the lines of a metrics file. Every line is parsed by itself, as no field spans lines, so
 * that a stray quote spoils one line only.
 */
final class MetricsReader {

  private static final Pattern NUMBER =
      Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
  private static final Pattern INFINITE = Pattern.compile("[+-]?inf(inity)?");
  private static final int SHOWN = 200;
  private static final String STEPS = "a whole number from 0 to " + (1L << 53);
  private static final BigDecimal MOST_STEPS = BigDecimal.valueOf(1L << 53);
  private static final char BYTE_ORDER_MARK = '\uFEFF';

  private final String file;
  private final Consumer<String> problems;
  private final Map<String, Integer> columns = new HashMap<>();
  private final Map<Signal, Integer> layers = new EnumMap<>(Signal.class);
  private int width;
  private long number;
  private long lastStep = -1;
  private boolean restart;

  MetricsReader(String file, Consumer<String> problems) {
    this.file = file;
    this.problems = problems;
  }

  static List<MonitorRecord> read(Path file, Consumer<String> problems) throws IOException {
    // Bytes that are not UTF-8 become a replacement character, and so a problem of one field.
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
      return read(lines, file.toString(), problems);
    }
  }

  static List<MonitorRecord> read(BufferedReader lines, String name, Consumer<String> problems)
      throws IOException {
    return new MetricsReader(name, problems).read(lines);
  }

  private List<MonitorRecord> read(BufferedReader lines) throws IOException {
    List<MonitorRecord> records = new ArrayList<>();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      records.addAll(line(line));
    }
    if (width == 0) {
      throw new IllegalArgumentException(file + ": found no header line, expected column names");
    }
    if (records.isEmpty()) {
      throw new IllegalArgumentException(
          file + ": found no usable row below the header, expected at least one");
    }
    return records;
  }

  /** What the next line says; the first that is not blank is the header. */
  List<MonitorRecord> line(String line) {
    number++;
    if (line.isBlank()) {
      return List.of();
    }
    if (width == 0) {
      width = header(line);
      return List.of();
    }
    List<MonitorRecord> records = new ArrayList<>(2);
    row(line, records);
    return records;
  }

  private int header(String line) {
    String names = line.charAt(0) == BYTE_ORDER_MARK ? line.substring(1) : line;
    String here = file + ": line " + number + ": ";
    List<String> header =
        fields(names)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        here + "the header line is not valid CSV: " + shown(names)));
    for (int i = 0; i < header.size(); i++) {
      String name = header.get(i).strip().toLowerCase(Locale.ROOT);
      if (columns.put(name, i) != null && !name.isEmpty()) {
        throw new IllegalArgumentException(here + "found column " + shown(name) + " twice");
      }
    }
    for (Signal signal : Signal.values()) {
      int count = 0;
      while (signal.perLayer() && columns.containsKey(signal.column(count + 1))) {
        count++;
      }
      if (count > 0 || columns.containsKey(signal.column())) {
        layers.put(signal, count);
      }
    }
    String found = here + "found columns " + shown(String.join(", ", header)) + "; expected ";
    if (!columns.containsKey(MetricsFormat.STEP)) {
      throw new IllegalArgumentException(found + "a column step among them");
    }
    if (layers.isEmpty()) {
      String known =
          Arrays.stream(Signal.values()).map(Signal::column).collect(Collectors.joining(", "));
      throw new IllegalArgumentException(found + "step and at least one of " + known);
    }
    return header.size();
  }

  /**
   * The fields of a line (RFC 4180), without the spaces around them, of which none spans lines;
   * nothing if a quoted one does not end, or goes on after its end.
   */
  static Optional<List<String>> fields(String line) {
    List<String> fields = new ArrayList<>();
    int at = 0;
    while (true) {
      while (at < line.length() && Character.isWhitespace(line.charAt(at))) {
        at++;
      }
      if (at < line.length() && line.charAt(at) == '"') {
        int end = endOfQuoted(line, at + 1);
        if (end < 0) {
          return Optional.empty();
        }
        fields.add(line.substring(at + 1, end).replace("\"\"", "\""));
        at = end + 1;
        while (at < line.length() && Character.isWhitespace(line.charAt(at))) {
          at++;
        }
      } else {
        int end = line.indexOf(',', at);
        fields.add(line.substring(at, end < 0 ? line.length() : end).strip());
        at = end < 0 ? line.length() : end;
      }
      if (at == line.length()) {
        return Optional.of(fields);
      }
      if (line.charAt(at++) != ',') {
        return Optional.empty();
      }
    }
  }

  /** Where the quote stands that ends a quoted field; -1 if none does. */
  private static int endOfQuoted(String line, int from) {
    int at = line.indexOf('"', from);
    while (at >= 0 && at + 1 < line.length() && line.charAt(at + 1) == '"') {
      at = line.indexOf('"', at + 2);
    }
    return at;
  }

  private void row(String line, List<MonitorRecord> records) {
    Optional<List<String>> parsed = fields(line);
    if (parsed.isEmpty()) {
      leftOut("not valid CSV");
      return;
    }
    List<String> fields = parsed.get();
    if (fields.size() != width) {
      leftOut("found " + fields.size() + " fields, expected " + width);
      return;
    }
    Integer event = columns.get(MetricsFormat.EVENT);
    // A restart may go back to an earlier checkpoint; that of a row left out belongs to the next.
    if (event != null && fields.get(event).toUpperCase(Locale.ROOT).contains("RESTART")) {
      restart = true;
      lastStep = -1;
    }
    Optional<Long> step = step(fields.get(columns.get(MetricsFormat.STEP)));
    if (step.isEmpty()) {
      return;
    }
    lastStep = step.get();
    Observation observation = Observation.at(lastStep);
    for (Signal signal : layers.keySet()) {
      Optional<Reading> reading = reading(signal, fields);
      if (reading.isPresent()) {
        observation = observation.with(signal, reading.get());
      }
    }
    if (restart) {
      records.add(new MonitorRecord.Notice(lastStep, MonitorRecord.Notice.Kind.RESTART, List.of()));
    }
    restart = false;
    records.add(new MonitorRecord.Step(observation));
  }

  /** The value of a signal with those of its layers, whose mean stands for one that is missing. */
  private Optional<Reading> reading(Signal signal, List<String> fields) {
    List<Double> parts = new ArrayList<>();
    for (int layer = 1; layer <= layers.get(signal); layer++) {
      parts.add(number(signal.column(layer), fields).orElse(Double.NaN));
    }
    boolean known = parts.stream().anyMatch(part -> !part.isNaN());
    OptionalDouble value = number(signal.column(), fields);
    if (value.isPresent()) {
      OptionalDouble error = error(signal, fields);
      return Optional.of(new Reading(value.getAsDouble(), error, known ? parts : List.of()));
    }
    return known ? Optional.of(Reading.mean(parts)) : Optional.empty();
  }

  private Optional<Long> step(String text) {
    if (text.isBlank()) {
      return leftOut("step: found nothing, expected " + STEPS);
    }
    OptionalLong step = whole(text.strip());
    if (step.isEmpty()) {
      return leftOut("step: found '" + shown(text) + "', expected " + STEPS);
    }
    if (step.getAsLong() <= lastStep) {
      return leftOut("step: found " + shown(text) + ", expected a step after " + lastStep);
    }
    return Optional.of(step.getAsLong());
  }

  /** A step, whose number as a double may be another one's. */
  private static OptionalLong whole(String text) {
    if (text.length() > SHOWN || !NUMBER.matcher(text).matches()) {
      return OptionalLong.empty();
    }
    try {
      BigDecimal number = new BigDecimal(text);
      boolean usable = number.signum() >= 0 && number.compareTo(MOST_STEPS) <= 0;
      return usable ? OptionalLong.of(number.longValueExact()) : OptionalLong.empty();
    } catch (ArithmeticException | NumberFormatException e) {
      return OptionalLong.empty();
    }
  }

  /** Text from the file, fit for a terminal. */
  private static String shown(String text) {
    String printable = text.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= SHOWN ? printable : printable.substring(0, SHOWN) + "...";
  }

  private <T> Optional<T> leftOut(String reason) {
    problem(reason + "; row left out");
    return Optional.empty();
  }

  private void problem(String what) {
    problems.accept(file + ": line " + number + ": " + what);
  }

  private OptionalDouble error(Signal signal, List<String> fields) {
    for (String ending : MetricsColumn.ERRORS) {
      String column = signal.column() + ending;
      OptionalDouble error = number(column, fields);
      if (error.isPresent() && error.getAsDouble() >= 0) {
        return error.getAsDouble() < Double.POSITIVE_INFINITY ? error : OptionalDouble.empty();
      }
      if (error.isPresent() && error.getAsDouble() < 0) {
        String field = fields.get(columns.get(column));
        problem(column + ": found " + shown(field) + ", expected at least 0; not used");
      }
    }
    return OptionalDouble.empty();
  }

  private OptionalDouble number(String column, List<String> fields) {
    Integer index = columns.get(column);
    return index == null ? OptionalDouble.empty() : number(column, fields.get(index));
  }

  /** The number in a field, NaN and infinities included; nothing for an empty field or text. */
  private OptionalDouble number(String column, String field) {
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
      problem(column + ": found '" + shown(field) + "', expected a number; not used");
      return OptionalDouble.empty();
    }
    if (!Double.isFinite(value)) {
      problem(column + ": found " + shown(field) + "; not used");
    }
    return OptionalDouble.of(value);
  }
}
