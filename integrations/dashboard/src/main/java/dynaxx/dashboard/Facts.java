package dynaxx.dashboard;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a page says of a run beside its curves: the settings and results that fit in a line. */
final class Facts {

  private static final int MOST = 200;
  private static final List<String> LEFT_OUT = List.of("arguments", "hardware");

  private Facts() {}

  /** Flattens what run.json says. */
  static Map<String, Object> of(Map<?, ?> read) {
    Map<String, Object> facts = new LinkedHashMap<>();
    read.forEach((name, value) -> add(facts, name.toString(), value));
    return facts;
  }

  private static void add(Map<String, Object> facts, String name, Object value) {
    if (LEFT_OUT.contains(name)) {
      return;
    }
    if (value instanceof Map<?, ?> inner) {
      inner.forEach((key, each) -> add(facts, key.toString(), each));
    } else if (value instanceof Number || value instanceof Boolean) {
      facts.put(name, value);
    } else if (value instanceof String text && text.length() <= MOST) {
      facts.put(name, text);
    }
  }
}
