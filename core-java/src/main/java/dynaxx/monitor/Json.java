package dynaxx.monitor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * A value of a JSON text and its place there. A value of another type than the one asked for is
 * refused with both types named. NaN and infinities are strings.
 *
 * @param place for messages, for example {@code verdict.kind}; empty for the whole text
 * @param value a Map, List, String, Double, Boolean or null
 */
record Json(String place, Object value) {

  private static final long EXACT = 1L << 53;
  private static final int SHOWN = 60;

  /**
   * Reads a text.
   *
   * @throws IllegalArgumentException if it is not one JSON value
   */
  static Json parse(String text) {
    return new Json("", new Parser(text).whole());
  }

  boolean has(String name) {
    return fields().containsKey(name);
  }

  /** A field of an object, which must be there. */
  Json get(String name) {
    Map<?, ?> fields = fields();
    if (!fields.containsKey(name)) {
      throw new IllegalArgumentException(
          (place.isEmpty() ? "" : place + ": ") + "found no field " + name);
    }
    return new Json(place.isEmpty() ? name : place + "." + name, fields.get(name));
  }

  Optional<Json> find(String name) {
    return has(name) ? Optional.of(get(name)) : Optional.empty();
  }

  /** A number that may be missing. */
  OptionalDouble optional(String name) {
    return has(name) ? OptionalDouble.of(get(name).number()) : OptionalDouble.empty();
  }

  private Map<?, ?> fields() {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw unexpected("an object");
  }

  List<Json> elements() {
    if (!(value instanceof List<?> list)) {
      throw unexpected("an array");
    }
    List<Json> elements = new ArrayList<>();
    for (Object element : list) {
      elements.add(new Json(place + "[" + elements.size() + "]", element));
    }
    return elements;
  }

  double number() {
    return switch (value) {
      case Double number -> number;
      case String text when text.equals("NaN") -> Double.NaN;
      case String text when text.equals("Infinity") -> Double.POSITIVE_INFINITY;
      case String text when text.equals("-Infinity") -> Double.NEGATIVE_INFINITY;
      case null, default -> throw unexpected("a number");
    };
  }

  long whole() {
    if (value instanceof Double number && number == Math.rint(number) && Math.abs(number) < EXACT) {
      return number.longValue();
    }
    throw unexpected("a whole number");
  }

  String text() {
    if (value instanceof String text) {
      return text;
    }
    throw unexpected("a string");
  }

  boolean flag() {
    if (value instanceof Boolean flag) {
      return flag;
    }
    throw unexpected("true or false");
  }

  /** A constant by its name, in upper or lower case. */
  <E extends Enum<E>> E constant(Class<E> type) {
    for (E constant : type.getEnumConstants()) {
      if (constant.name().equalsIgnoreCase(text())) {
        return constant;
      }
    }
    StringBuilder names = new StringBuilder("one of");
    for (E constant : type.getEnumConstants()) {
      names.append(names.length() > 6 ? ", " : " ");
      names.append(constant.name().toLowerCase(Locale.ROOT));
    }
    throw unexpected(names.toString());
  }

  IllegalArgumentException unexpected(String expected) {
    String found =
        switch (value) {
          case Map<?, ?> map -> "an object";
          case List<?> list -> "an array";
          case String text -> "'" + shown(text) + "'";
          case null, default -> String.valueOf(value);
        };
    return new IllegalArgumentException(
        (place.isEmpty() ? "" : place + ": ") + "found " + found + ", expected " + expected);
  }

  /** Text from a file, fit for a terminal. */
  private static String shown(String text) {
    String printable = text.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= SHOWN ? printable : printable.substring(0, SHOWN) + "...";
  }

  /** Recursive descent (RFC 8259). */
  private static final class Parser {

    private static final int DEEPEST = 64;

    private final String text;
    private int at;
    private int depth;

    Parser(String text) {
      this.text = text;
    }

    Object whole() {
      Object value = value();
      if (next() != 0) {
        throw unexpected("the end of the line");
      }
      return value;
    }

    /** The next character that is not a space, 0 at the end. */
    private char next() {
      while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
        at++;
      }
      return at < text.length() ? text.charAt(at) : 0;
    }

    private boolean skip(char c) {
      boolean found = next() == c;
      at += found ? 1 : 0;
      return found;
    }

    private void require(char c) {
      if (!skip(c)) {
        throw unexpected("'" + c + "'");
      }
    }

    private IllegalArgumentException unexpected(String expected) {
      String found =
          at < text.length()
              ? "'" + shown(text.substring(at, at + 1)) + "'"
              : "the end of the line";
      return new IllegalArgumentException(
          "column " + (at + 1) + ": found " + found + ", expected " + expected);
    }

    private Object value() {
      return switch (next()) {
        case '{' -> object();
        case '[' -> array();
        case '"' -> string();
        case 't' -> word("true", true);
        case 'f' -> word("false", false);
        case 'n' -> word("null", null);
        default -> number();
      };
    }

    private void open(char c) {
      require(c);
      if (++depth > DEEPEST) {
        throw unexpected("at most " + DEEPEST + " levels");
      }
    }

    private Map<String, Object> object() {
      open('{');
      Map<String, Object> fields = new LinkedHashMap<>();
      if (!skip('}')) {
        do {
          if (next() != '"') {
            throw unexpected("the name of a field");
          }
          String name = string();
          require(':');
          fields.put(name, value());
        } while (skip(','));
        require('}');
      }
      depth--;
      return fields;
    }

    private List<Object> array() {
      open('[');
      List<Object> elements = new ArrayList<>();
      if (!skip(']')) {
        do {
          elements.add(value());
        } while (skip(','));
        require(']');
      }
      depth--;
      return elements;
    }

    private Object word(String word, Object meaning) {
      if (!text.startsWith(word, at)) {
        throw unexpected("a value");
      }
      at += word.length();
      return meaning;
    }

    private Double number() {
      int begin = at;
      while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
        at++;
      }
      try {
        return Double.valueOf(text.substring(begin, at));
      } catch (NumberFormatException e) {
        at = begin;
        throw unexpected("a value");
      }
    }

    private String string() {
      require('"');
      StringBuilder out = new StringBuilder();
      while (at < text.length() && text.charAt(at) != '"') {
        char c = text.charAt(at++);
        out.append(c == '\\' ? escaped() : c);
      }
      if (at == text.length()) {
        throw unexpected("'\"'");
      }
      at++;
      return out.toString();
    }

    private char escaped() {
      char c = at < text.length() ? text.charAt(at) : 0;
      int index = "\"\\/bfnrt".indexOf(c);
      if (index >= 0) {
        at++;
        return "\"\\/\b\f\n\r\t".charAt(index);
      }
      if (c != 'u' || at + 5 > text.length()) {
        throw unexpected("an escaped character");
      }
      try {
        char code = (char) Integer.parseUnsignedInt(text, at + 1, at + 5, 16);
        at += 5;
        return code;
      } catch (NumberFormatException e) {
        throw unexpected("four hexadecimal digits");
      }
    }
  }
}
