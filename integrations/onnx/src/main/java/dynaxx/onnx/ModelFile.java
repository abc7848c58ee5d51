package dynaxx.onnx;

import java.util.List;
import java.util.Map;

/**
 * What dynaxx uses of an ONNX file.
 *
 * @param opsets versions of the operator sets by domain
 * @param graph the model
 * @param functions operators that the file defines itself
 */
record ModelFile(Map<String, Long> opsets, Graph graph, List<Function> functions) {

  /** Domain of the standard operators, in one of its two spellings. */
  static final String STANDARD = "";

  /**
   * A graph.
   *
   * @param origins what the exporter noted of values by name, such as that one is a parameter
   * @param notes what it noted of the graph
   */
  record Graph(
      List<Node> nodes,
      List<StoredTensor> initializers,
      List<Info> inputs,
      List<Info> outputs,
      Map<String, String> origins,
      Map<String, String> notes) {}

  /**
   * An operator that the file defines.
   *
   * @param attributes those without a default
   * @param defaults the others
   */
  record Function(
      String domain,
      String name,
      String overload,
      List<String> inputs,
      List<String> outputs,
      List<String> attributes,
      Map<String, Attribute> defaults,
      List<Node> nodes,
      Map<String, Long> opsets) {}

  record Node(
      String name,
      String op,
      String domain,
      String overload,
      List<String> inputs,
      List<String> outputs,
      Map<String, Attribute> attributes) {

    /** For messages: the name, or what it makes if it has none. */
    String label() {
      return name.isEmpty() ? "making " + outputs : "'" + name + "'";
    }
  }

  /**
   * One of the kinds of values; the others are empty.
   *
   * @param reference name of the function's attribute whose value it has, or null
   * @param other whether it is of a kind that is not read
   */
  record Attribute(
      String name,
      Float number,
      Long whole,
      String text,
      StoredTensor tensor,
      float[] numbers,
      long[] wholes,
      List<String> texts,
      Graph graph,
      String reference,
      boolean other) {

    /** Of a value: a whole number, a double, a text, or an array of whole numbers. */
    static Attribute of(String name, Object value) {
      return new Attribute(
          name,
          value instanceof Double d ? d.floatValue() : null,
          value instanceof Number n && !(value instanceof Double) ? n.longValue() : null,
          value instanceof String s ? s : null,
          null,
          null,
          value instanceof long[] w ? w : null,
          List.of(),
          null,
          null,
          false);
    }

    /** The same under another name. */
    Attribute named(String to) {
      return new Attribute(
          to, number, whole, text, tensor, numbers, wholes, texts, graph, reference, other);
    }
  }

  /** Name, element type and extents of an input or output; an open extent is -1. */
  record Info(String name, int type, List<Long> dims) {}

  /** Standard operator set, or 0 if the file names none. */
  long opset() {
    return opsets.getOrDefault(STANDARD, 0L);
  }
}
