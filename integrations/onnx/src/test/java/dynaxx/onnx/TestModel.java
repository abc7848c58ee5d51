package dynaxx.onnx;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Writes small ONNX files, and keeps what is in them for {@link Reference}. */
final class TestModel {

  record Step(
      String op, List<String> inputs, List<String> outputs, Map<String, Object> attributes) {}

  /** The attribute of a function that a node's attribute takes its value from. */
  record Bound(String name) {}

  record Array(long[] dims, double[] values, boolean whole) {}

  private final long opset;
  private final Random random;
  private final List<Step> steps = new ArrayList<>();
  private final Map<String, Array> initializers = new LinkedHashMap<>();
  private long[] inputDims;
  private boolean wholeInput;
  private String output;
  private int names;

  TestModel(long opset, long seed) {
    this.opset = opset;
    this.random = new Random(seed);
  }

  /** The input "x"; -1 is an open extent. */
  TestModel input(long... dims) {
    inputDims = dims;
    return this;
  }

  TestModel tokens(long... dims) {
    wholeInput = true;
    return input(dims);
  }

  long opset() {
    return opset;
  }

  long[] inputDims() {
    return inputDims;
  }

  boolean takesTokens() {
    return wholeInput;
  }

  List<Step> steps() {
    return steps;
  }

  Map<String, Array> initializers() {
    return initializers;
  }

  String output() {
    return output;
  }

  /** A parameter with random values. */
  String weight(String name, long... dims) {
    double scale = 0.6 / Math.sqrt(Math.max(1, dims.length == 0 ? 1 : dims[dims.length - 1]));
    return filled(name, scale, 0.1, dims);
  }

  /** Gains around one. */
  String gain(String name, long... dims) {
    return filled(name, 0.2, 1, dims);
  }

  private String filled(String name, double scale, double centre, long... dims) {
    double[] values = new double[(int) Dims.size(dims)];
    Arrays.setAll(values, i -> (float) (centre + scale * random.nextGaussian()));
    initializers.put(name, new Array(dims, values, false));
    return name;
  }

  String floats(String name, long[] dims, double... values) {
    double[] rounded = Arrays.stream(values).map(v -> (float) v).toArray();
    initializers.put(name, new Array(dims, rounded, false));
    return name;
  }

  String wholes(String name, long... values) {
    double[] numbers = Arrays.stream(values).mapToDouble(v -> v).toArray();
    initializers.put(name, new Array(new long[] {values.length}, numbers, true));
    return name;
  }

  /** A number from a Constant node, which is no initializer. */
  String number(double value) {
    return add("Constant", Map.of("value_float", (float) value));
  }

  String ints(long... values) {
    return add("Constant", Map.of("value_ints", values));
  }

  String add(String op, Object... inputsAndAttributes) {
    return all(op, 1, inputsAndAttributes).getFirst();
  }

  @SuppressWarnings("unchecked")
  List<String> all(String op, int outputs, Object... inputsAndAttributes) {
    List<String> inputs = new ArrayList<>();
    Map<String, Object> attributes = Map.of();
    for (Object o : inputsAndAttributes) {
      if (o instanceof String name) {
        inputs.add(name);
      } else {
        attributes = (Map<String, Object>) o;
      }
    }
    List<String> made = new ArrayList<>();
    for (int i = 0; i < outputs; i++) {
      made.add("v" + names++);
    }
    steps.add(new Step(op, inputs, made, attributes));
    output = made.getFirst();
    return made;
  }

  TestModel output(String name) {
    output = name;
    return this;
  }

  Path write(Path folder) {
    try {
      return Files.write(Files.createTempFile(folder, "model", ".onnx"), bytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  byte[] bytes() {
    return message(
        m -> {
          m.writeInt64(1, 8);
          m.writeByteArray(8, message(o -> o.writeInt64(2, opset)));
          m.writeByteArray(7, graph());
        });
  }

  private byte[] graph() {
    return message(
        g -> {
          for (Step step : steps) {
            g.writeByteArray(1, node(step));
          }
          for (Map.Entry<String, Array> e : initializers.entrySet()) {
            g.writeByteArray(5, tensor(e.getKey(), e.getValue()));
          }
          g.writeByteArray(11, info("x", wholeInput ? 7 : 1, inputDims));
          g.writeByteArray(12, info(output, 1, new long[0]));
        });
  }

  static byte[] info(String name, int type, long[] dims) {
    byte[] shape =
        message(
            s -> {
              for (long dim : dims) {
                s.writeByteArray(
                    1,
                    message(
                        d -> {
                          if (dim < 0) {
                            d.writeString(2, "n");
                          } else {
                            d.writeInt64(1, dim);
                          }
                        }));
              }
            });
    byte[] tensor =
        message(
            t -> {
              t.writeInt32(1, type);
              t.writeByteArray(2, shape);
            });
    return message(
        i -> {
          i.writeString(1, name);
          i.writeByteArray(2, message(t -> t.writeByteArray(1, tensor)));
        });
  }

  static byte[] node(Step step) {
    return message(
        n -> {
          for (String name : step.inputs()) {
            n.writeString(1, name);
          }
          for (String name : step.outputs()) {
            n.writeString(2, name);
          }
          n.writeString(3, "node_" + step.outputs().getFirst());
          n.writeString(4, step.op());
          for (Map.Entry<String, Object> e : step.attributes().entrySet()) {
            n.writeByteArray(5, attribute(e.getKey(), e.getValue()));
          }
        });
  }

  static byte[] attribute(String name, Object value) {
    return message(
        a -> {
          a.writeString(1, name);
          switch (value) {
            case Float f -> a.writeFloat(2, f);
            case Double d -> a.writeFloat(2, d.floatValue());
            case Integer i -> a.writeInt64(3, i);
            case Long l -> a.writeInt64(3, l);
            case String s -> a.writeString(4, s);
            case Array t -> a.writeByteArray(5, tensor("", t));
            case byte[] graph -> a.writeByteArray(6, graph);
            case Bound of -> a.writeString(21, of.name());
            case long[] all -> {
              for (long l : all) {
                a.writeInt64(8, l);
              }
            }
            case String[] all -> {
              for (String s : all) {
                a.writeString(9, s);
              }
            }
            default -> throw new IllegalArgumentException(name);
          }
        });
  }

  static byte[] tensor(String name, Array array) {
    int size = array.whole() ? 8 : 4;
    ByteBuffer raw =
        ByteBuffer.allocate(array.values().length * size).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : array.values()) {
      if (array.whole()) {
        raw.putLong((long) value);
      } else {
        raw.putFloat((float) value);
      }
    }
    return message(
        t -> {
          for (long dim : array.dims()) {
            t.writeInt64(1, dim);
          }
          t.writeInt32(2, array.whole() ? 7 : 1);
          t.writeByteArray(8, name.getBytes(StandardCharsets.UTF_8));
          t.writeByteArray(9, raw.array());
        });
  }

  interface Writer {
    void write(CodedOutputStream to) throws IOException;
  }

  static byte[] message(Writer writer) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream to = CodedOutputStream.newInstance(bytes);
    try {
      writer.write(to);
      to.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
