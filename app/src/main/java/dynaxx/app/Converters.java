package dynaxx.app;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Reads numbers and paths from a command line, and says in the words of all messages what is wrong.
 */
final class Converters {

  private Converters() {}

  /** Adds them to a command and those below it. */
  static CommandLine addTo(CommandLine command) {
    ITypeConverter<Integer> integers =
        number(Integer::valueOf, "a whole number up to " + Integer.MAX_VALUE);
    ITypeConverter<Long> longs = number(Long::valueOf, "a whole number up to " + Long.MAX_VALUE);
    ITypeConverter<Double> doubles = number(Double::valueOf, "a number");
    return command
        .registerConverter(Integer.class, integers)
        .registerConverter(int.class, integers)
        .registerConverter(Long.class, longs)
        .registerConverter(long.class, longs)
        .registerConverter(Double.class, doubles)
        .registerConverter(Path.class, Converters::path);
  }

  private static <N extends Number> ITypeConverter<N> number(
      Function<String, N> parse, String expected) {
    return text -> {
      try {
        return parse.apply(text.strip());
      } catch (NumberFormatException e) {
        throw new TypeConversionException("found '" + text + "', expected " + expected);
      }
    };
  }

  private static Path path(String text) {
    if (text.isBlank()) {
      throw new TypeConversionException("found '" + text + "', expected a path");
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(
          "found '"
              + text
              + "', expected a path that the JVM can name in "
              + System.getProperty("sun.jnu.encoding")
              + "; for others set LC_ALL=C.UTF-8 or start it with -Dsun.jnu.encoding=UTF-8");
    }
  }
}
