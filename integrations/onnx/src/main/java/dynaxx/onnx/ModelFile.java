package dynaxx.onnx;

import java.util.List;
import java.util.Map;

/** What dynaxx uses of an ONNX file. */
record ModelFile(Map<String, Long> opsets, Graph graph) {

  /** Domain of the standard operators, in one of its two spellings. */
  static final String STANDARD = "";

  record Graph(
      List<Node> nodes, List<StoredTensor> initializers, List<Info> inputs, List<Info> outputs) {}

  record Node(
      String name,
      String op,
      String domain,
      List<String> inputs,
      List<String> outputs,
      Map<String, Attribute> attributes) {

    /** For messages: the name, or what it makes if it has none. */
    String label() {
      return name.isEmpty() ? "making " + outputs : "'" + name + "'";
    }
  }

  /** One of the kinds of values; the others are empty. */
  record Attribute(
      String name,
      Float number,
      Long whole,
      String text,
      StoredTensor tensor,
      float[] numbers,
      long[] wholes,
      List<String> texts,
      boolean other) {}

  /** Name, element type and extents of an input or output; an open extent is -1. */
  record Info(String name, int type, List<Long> dims) {}

  /** Standard operator set, or 0 if the file names none. */
  long opset() {
    return opsets.getOrDefault(STANDARD, 0L);
  }
}
