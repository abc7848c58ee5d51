package dynaxx.onnx;

import dynaxx.onnx.ModelFile.Attribute;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * A node with the values that it gets.
 *
 * @param node as it is in the file
 * @param inputs its values; null where an optional one is left out
 * @param opset version of the standard operators
 * @param interpreter runs graphs within the node
 * @param names of values around the node
 */
record Call(
    ModelFile.Node node, List<Value> inputs, long opset, Interpreter interpreter, Naming names) {

  Examples examples() {
    return interpreter.examples();
  }

  boolean fused() {
    return interpreter.fused();
  }

  /** The same node with other inputs. */
  Call with(List<Value> others) {
    return new Call(node, others, opset, interpreter, names);
  }

  /** What another operator makes of some values. */
  Value run(String op, Map<String, Object> attributes, Value... values) {
    return runAll(op, attributes, 1, values).getFirst();
  }

  Value run(String op, Value... values) {
    return run(op, Map.of(), values);
  }

  /** All outputs of another operator. */
  List<Value> runAll(String op, Map<String, Object> attributes, int outputs, Value... values) {
    Map<String, Attribute> given = new HashMap<>();
    attributes.forEach((name, value) -> given.put(name, Attribute.of(name, value)));
    List<String> names = IntStream.range(0, outputs).mapToObj(i -> op + i).toList();
    ModelFile.Node made =
        new ModelFile.Node(node.name(), op, ModelFile.STANDARD, "", List.of(), names, given);
    Call call = new Call(made, Arrays.asList(values), Importer.LAST_OPSET, interpreter, this.names);
    return Operators.ALL.get(op).apply(call);
  }

  static Value number(double value) {
    return Value.shared(Tensor.scalar((float) value));
  }

  static Value wholesValue(long... values) {
    return Value.shared(Tensor.wholes(values));
  }

  Draft draft() {
    return examples().draft();
  }

  boolean has(int i) {
    return i < inputs.size() && inputs.get(i) != null;
  }

  Value in(int i) {
    if (!has(i)) {
      throw new OnnxException("input " + i + ": found none, expected one");
    }
    return inputs.get(i);
  }

  int outputs() {
    return node.outputs().size();
  }

  /** Whether an output has a name, so that it may be used. */
  boolean wants(int output) {
    return output < outputs() && !node.outputs().get(output).isEmpty();
  }

  /**
   * The input as values that the file fixes. Everything it is computed from is constant everywhere:
   * an exponent or a limit that were a parameter elsewhere would have a derivative that misses a
   * part.
   */
  Tensor constant(int i) {
    if (!in(i).isShared()) {
      throw new OnnxException(
          "input " + i + ": found a value that is computed from the input, expected a constant");
    }
    return draft().fixed(in(i).body());
  }

  /**
   * The input as values that the file fixes, for each example, where the result changes in steps
   * only: what it is made of has derivative 0 here and may be a parameter elsewhere.
   */
  Value steps(int i) {
    Tensor values = draft().values(in(i).body());
    return in(i).with(values != null ? values : draft().fixed(in(i).body()));
  }

  long[] wholes(int i) {
    return constant(i).wholes();
  }

  private Attribute attribute(String name) {
    Attribute found = node.attributes().get(name);
    if (found != null && found.other()) {
      throw new OnnxException(
          "attribute " + name + ": found several tensors or a type, expected a number or a tensor");
    }
    return found;
  }

  boolean hasAttribute(String name) {
    return attribute(name) != null;
  }

  long whole(String name, long otherwise) {
    Attribute found = attribute(name);
    return found == null ? otherwise : found.whole() == null ? 0 : found.whole();
  }

  double number(String name, double otherwise) {
    Attribute found = attribute(name);
    return found == null ? otherwise : found.number() == null ? 0 : found.number();
  }

  String text(String name, String otherwise) {
    Attribute found = attribute(name);
    return found == null || found.text() == null ? otherwise : found.text();
  }

  long[] wholes(String name, long... otherwise) {
    Attribute found = attribute(name);
    return found == null
        ? otherwise
        : found.wholes() == null ? new long[0] : found.wholes().clone();
  }

  Attribute raw(String name) {
    return attribute(name);
  }

  /** A number that may come as an input or, in older files, as an attribute; null for none. */
  long[] wholesOf(int input, String name) {
    return has(input) ? wholes(input) : hasAttribute(name) ? wholes(name) : null;
  }

  /** Refuses settings that are not those expected. */
  void require(boolean fits, String found, String expected) {
    if (!fits) {
      throw new OnnxException("found " + found + ", expected " + expected);
    }
  }

  int[] ints(long[] values) {
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }
}
