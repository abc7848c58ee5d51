package dynaxx.onnx;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** All operators that are supported, by name. */
final class Operators {

  static final Map<String, Operator> ALL = all();

  private Operators() {}

  private static Map<String, Operator> all() {
    Map<String, Operator> operators = new TreeMap<>();
    Elementwise.register(operators);
    Arrangements.register(operators);
    Reductions.register(operators);
    Products.register(operators);
    Images.register(operators);
    Norms.register(operators);
    Recurrence.register(operators);
    return Collections.unmodifiableMap(operators);
  }
}
