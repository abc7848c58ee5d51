package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The format of metrics files: CSV with a header, one line for each step, columns named after the
 * signals. Fields that were not measured are empty. Which columns a file has, and in which order,
 * says its header; columns that are no signals are the writer's own.
 */
public final class MetricsFormat {

  /** Column of the number of updates made so far. */
  public static final String STEP = "step";

  /** Column of the kinds of events noticed at the step, separated by spaces. */
  public static final String EVENT = "event";

  private static final long EXACT = 1L << 53;

  private final List<MetricsColumn> columns;
  private final int digits;

  private MetricsFormat(List<MetricsColumn> columns, int digits) {
    this.columns = columns;
    this.digits = digits;
  }

  /**
   * A format whose numbers keep every bit.
   *
   * @param columns names in order, of which {@link #STEP} is one
   * @return the format
   * @throws IllegalArgumentException if there is no column step
   */
  public static MetricsFormat of(List<String> columns) {
    if (!columns.contains(STEP)) {
      throw new IllegalArgumentException(
          "columns: found " + columns + ", expected " + STEP + " among them");
    }
    return new MetricsFormat(columns.stream().map(MetricsColumn::of).toList(), 0);
  }

  /**
   * The format of a file that is there, whose numbers keep every bit.
   *
   * @param line the first of the file, without its end
   * @return the format
   * @throws IllegalArgumentException if it is no header with a column step
   */
  public static MetricsFormat ofHeader(String line) {
    return of(
        MetricsReader.fields(line)
            .orElseThrow(
                () -> new IllegalArgumentException("the header line is not valid CSV: " + line)));
  }

  /**
   * The same with shorter numbers.
   *
   * @param significant digits of every number that is not a count, at least 1
   * @return a new format
   * @throws IllegalArgumentException if there are no digits
   */
  public MetricsFormat withDigits(int significant) {
    if (significant < 1) {
      throw new IllegalArgumentException(
          "significant: found " + significant + ", expected at least 1");
    }
    return new MetricsFormat(columns, significant);
  }

  /**
   * The columns of some signals.
   *
   * @param signals in order
   * @param layers by signal, as {@link dynaxx.spectrum.CurvatureProbe#layers} counts them; a signal
   *     of layers that is missing has no column
   * @return names in order
   * @throws IllegalArgumentException if a number of layers is negative
   */
  public static List<String> columns(Collection<Signal> signals, Map<Signal, Integer> layers) {
    List<String> columns = new ArrayList<>();
    for (Signal signal : signals) {
      int count = layers.getOrDefault(signal, 0);
      if (count < 0) {
        throw new IllegalArgumentException(
            "layers of " + signal.column() + ": found " + count + ", expected at least 0");
      }
      if (!signal.perLayer() || count > 0) {
        columns.addAll(signal.columns(count));
      }
    }
    return columns;
  }

  /**
   * The first line of a file.
   *
   * @return the names of the columns, without an end of line
   */
  public String header() {
    return columns.stream().map(column -> quoted(column.name())).collect(Collectors.joining(","));
  }

  /** Columns that are no signals, without the step. */
  List<String> others() {
    return columns.stream()
        .filter(column -> column.signal() == null && !column.name().equals(STEP))
        .map(MetricsColumn::name)
        .toList();
  }

  /**
   * A line.
   *
   * @param observation what was measured at the step
   * @param others values of the columns that are no signals, by name: numbers or text; those that
   *     are missing are empty
   * @return the line, without its end
   */
  public String line(Observation observation, Map<String, ?> others) {
    StringBuilder line = new StringBuilder();
    for (MetricsColumn column : columns) {
      line.append(line.isEmpty() ? "" : ",");
      if (column.name().equals(STEP)) {
        line.append(observation.step());
      } else if (column.signal() == null) {
        line.append(field(others.get(column.name())));
      } else {
        Reading reading = observation.readings().get(column.signal());
        double value = reading == null ? Double.NaN : column.of(reading);
        boolean known = reading != null && column.knownIn(reading);
        line.append(known ? field(column, value) : "");
      }
    }
    return line.toString();
  }

  private String field(MetricsColumn column, double value) {
    boolean count = column.signal().scale() == Signal.Scale.COUNT;
    boolean whole = value == Math.rint(value) && Math.abs(value) < EXACT;
    return count && whole ? Long.toString((long) value) : number(value);
  }

  private String field(Object value) {
    return switch (value) {
      case null -> "";
      case Double number -> number(number);
      default -> quoted(value.toString());
    };
  }

  private String number(double value) {
    return digits == 0
        ? Double.toString(value)
        : String.format(Locale.ROOT, "%." + digits + "g", value);
  }

  /** No field spans lines, so that each can be read by itself. */
  private static String quoted(String text) {
    String line = text.replaceAll("[\r\n]", " ");
    boolean plain = line.indexOf(',') < 0 && line.indexOf('"') < 0 && line.equals(line.strip());
    return plain ? line : '"' + line.replace("\"", "\"\"") + '"';
  }

  /**
   * Reads a file, ours or another's: CSV with a column step and at least one signal. A line or a
   * field that makes no sense is reported with its line and left out; the rest is used.
   *
   * @param file with a header line
   * @param problems receives everything that is left out, one line each
   * @return a step for each usable line, in order, and before it a notice of a restart if its event
   *     column says that training was started again
   * @throws IOException if the file cannot be read
   * @throws IllegalArgumentException if the file has no step or no signal, or no usable line
   */
  public static List<MonitorRecord> read(Path file, Consumer<String> problems) throws IOException {
    return MetricsReader.read(file, problems);
  }

  /**
   * Reads lines that lie in no file of their own, as those of an archive, in the same way.
   *
   * @param lines with the header first; not closed
   * @param name of where they come from, for messages
   * @param problems receives everything that is left out, one line each
   * @return the usable lines, in order of steps
   * @throws IOException if they cannot be read
   * @throws IllegalArgumentException if there is no step or no signal, or no usable line
   */
  public static List<MonitorRecord> read(
      BufferedReader lines, String name, Consumer<String> problems) throws IOException {
    return MetricsReader.read(lines, name, problems);
  }

  /**
   * Reads a file line by line while it grows, in the same way.
   *
   * @param name of the file, for messages
   * @param problems receives everything that is left out, one line each
   * @return what each line says, given one after the other, the header first: one step, or nothing,
   *     and before it a notice of a restart; throws an IllegalArgumentException for a header with
   *     no step or no signal
   */
  public static Function<String, List<MonitorRecord>> reader(
      String name, Consumer<String> problems) {
    return new MetricsReader(name, problems)::line;
  }
}
