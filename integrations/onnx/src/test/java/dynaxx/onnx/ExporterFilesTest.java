package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.CodedOutputStream;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.onnx.OnnxOptions.Input;
import dynaxx.onnx.TestModel.Array;
import dynaxx.onnx.TestModel.Bound;
import dynaxx.onnx.TestModel.Step;
import dynaxx.onnx.TestModel.Writer;
import dynaxx.operator.Hessian;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One perceptron in the files of different exporters: gradient and a product with the Hessian are
 * those of the plain file. Its weights are whole 64ths, which every kind of float holds.
 */
class ExporterFilesTest {

  private static final Random RANDOM = new Random(3);
  private static final Array FIRST = weights(4, 3);
  private static final Array SHIFT = weights(4);
  private static final Array LAST = weights(2, 4);

  @TempDir private Path folder;

  private static Array weights(long... dims) {
    double[] values = new double[(int) Dims.size(dims)];
    Arrays.setAll(values, i -> (RANDOM.nextInt(127) - 63) / 64.0);
    return new Array(dims, values, false);
  }

  private static Step step(String op, String output, Map<String, Object> attributes, String... in) {
    return new Step(op, List.of(in), List.of(output), attributes);
  }

  private static List<Step> steps() {
    return new ArrayList<>(
        List.of(
            step("Gemm", "h", Map.of("transB", 1), "x", "w1", "b1"),
            step("Tanh", "t", Map.of(), "h"),
            step("Gemm", "y", Map.of("transB", 1), "t", "w2")));
  }

  private interface Part {
    void write(CodedOutputStream graph) throws IOException;
  }

  private static void initializers(CodedOutputStream g) throws IOException {
    g.writeByteArray(5, TestModel.tensor("w1", FIRST));
    g.writeByteArray(5, TestModel.tensor("b1", SHIFT));
    g.writeByteArray(5, TestModel.tensor("w2", LAST));
  }

  private static byte[] graph(List<Step> steps, Part weights, long... input) {
    return TestModel.message(
        g -> {
          for (Step step : steps) {
            g.writeByteArray(1, TestModel.node(step));
          }
          weights.write(g);
          g.writeByteArray(11, TestModel.info("x", 1, input));
          g.writeByteArray(12, TestModel.info("y", 1, new long[0]));
        });
  }

  private static byte[] bytes(byte[] graph, Writer more) {
    return TestModel.message(
        m -> {
          m.writeByteArray(8, TestModel.message(o -> o.writeInt64(2, 17)));
          m.writeByteArray(7, graph);
          more.write(m);
        });
  }

  private Path file(byte[] graph, Writer more) throws IOException {
    return Files.write(Files.createTempFile(folder, "model", ".onnx"), bytes(graph, more));
  }

  /** Files with functions, loops and external data, for damage. */
  static List<byte[]> corpus() {
    Part external =
        g -> {
          g.writeByteArray(5, external("w1", FIRST, "w.data", "offset", "4", "length", "48"));
          g.writeByteArray(5, TestModel.tensor("b1", SHIFT));
          g.writeByteArray(5, TestModel.tensor("w2", LAST));
        };
    byte[] function = function();
    return List.of(
        bytes(graph(steps(), external, -1, 3), m -> {}),
        bytes(graph(looped(), ExporterFilesTest::initializers, -1, 3), m -> {}),
        bytes(graphOfFunctions(), m -> m.writeByteArray(25, function)));
  }

  private Path file(List<Step> steps, Part weights) throws IOException {
    return file(graph(steps, weights, -1, 3), m -> {});
  }

  private static double[] measured(Path file) {
    return measured(OnnxModel.read(file, Loss.meanSquaredError()), List.of("w1", "b1", "w2"));
  }

  /** Loss, gradient, and the Hessian times a vector. */
  private static double[] measured(OnnxModel model, List<String> names) {
    assertEquals(names, model.network().parameters().stream().map(Parameter::name).toList());
    double[] x = new Random(5).doubles(15).map(v -> (float) v - 0.5f).toArray();
    double[] y = new Random(6).doubles(10).map(v -> (float) v).toArray();
    int n = Math.toIntExact(model.network().parameterCount());
    double[] v = new Random(7).doubles(n).map(d -> (float) d).toArray();
    try (Scope scope = Scope.open();
        Device cpu = Devices.cpu(1)) {
      Device exact = cpu.float64().orElseThrow();
      Batch batch = model.batch(Cases.host(scope, x), Cases.host(scope, y));
      try (Hessian hessian = new Hessian(model.network(), model.loss(), batch, exact)) {
        hessian.linearize(model.parameters(scope));
        Buffer d = exact.upload(scope, Cases.host(scope, v).segment());
        Vectors product = exact.vectors(scope, 1, n);
        hessian.apply(Vectors.of(d, 1, n), product);
        double[] found = new double[2 * n + 1];
        found[0] = hessian.loss();
        for (int i = 0; i < n; i++) {
          found[1 + i] = dot(exact, scope, hessian.gradient(), i, n);
          found[1 + n + i] = dot(exact, scope, product.vector(0), i, n);
        }
        return found;
      }
    }
  }

  private static double dot(Device exact, Scope scope, Buffer values, int i, int n) {
    double[] unit = new double[n];
    unit[i] = 1;
    return exact.algebra().dot(values, exact.upload(scope, Cases.host(scope, unit).segment()));
  }

  private double[] plain() throws IOException {
    return measured(file(steps(), ExporterFilesTest::initializers));
  }

  private void same(Path file) throws IOException {
    assertArrayEquals(plain(), measured(file), 1e-13);
  }

  @Test
  void nodesInAnyOrder() throws IOException {
    List<Step> reversed = steps();
    Collections.reverse(reversed);
    same(file(reversed, ExporterFilesTest::initializers));
  }

  // ---- weights elsewhere and of other types

  private static byte[] floats(Array array) {
    ByteBuffer raw = ByteBuffer.allocate(array.values().length * 4).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.stream(array.values()).forEach(v -> raw.putFloat((float) v));
    return raw.array();
  }

  private static byte[] external(String name, Array array, String location, String... entries) {
    return TestModel.message(
        t -> {
          for (long dim : array.dims()) {
            t.writeInt64(1, dim);
          }
          t.writeInt32(2, 1);
          t.writeString(8, name);
          t.writeByteArray(13, entry("location", location));
          for (int i = 0; i < entries.length; i += 2) {
            t.writeByteArray(13, entry(entries[i], entries[i + 1]));
          }
          t.writeInt32(14, 1);
        });
  }

  private static byte[] entry(String key, String value) {
    return TestModel.message(
        e -> {
          e.writeString(1, key);
          e.writeString(2, value);
        });
  }

  private Path externalModel(String location, String... entries) throws IOException {
    return file(
        steps(),
        g -> {
          g.writeByteArray(5, external("w1", FIRST, location, entries));
          g.writeByteArray(5, external("b1", SHIFT, "b.data"));
          g.writeByteArray(5, TestModel.tensor("w2", LAST));
        });
  }

  @Test
  void weightsInFilesBeside() throws IOException {
    Files.write(folder.resolve("b.data"), floats(SHIFT));
    Files.createDirectory(folder.resolve("sub"));
    byte[] padded = new byte[4096 + 48 + 7];
    System.arraycopy(floats(FIRST), 0, padded, 4096, 48);
    Files.write(folder.resolve("sub/w.data"), padded);
    same(externalModel("sub/w.data", "offset", "4096", "length", "48"));
  }

  @Test
  void externalFilesStayInTheFolderOfTheModel() throws IOException {
    Files.write(folder.resolve("b.data"), floats(SHIFT));
    Path outside = Files.createTempFile("outside", ".data");
    Files.write(outside, floats(FIRST));
    Files.createSymbolicLink(folder.resolve("link.data"), outside);
    try {
      String up = "../" + folder.relativize(outside).toString();
      for (String location :
          List.of(outside.toString(), up, "link.data", "..", "", "sub/../../x")) {
        refused(externalModel(location), "expected one in the folder of the model");
      }
    } finally {
      Files.delete(outside);
    }
    refused(externalModel("none.data"), "found no file 'none.data' beside the model");
    refused(externalModel("b.data"), "found 4 values, expected 12");
    refused(externalModel("b.data", "offset", "8", "length", "48"), "it is cut short");
    refused(externalModel("b.data", "offset", "-8"), "it is cut short");
    refused(externalModel("b.data", "offset", "much"), "expected a whole number");
  }

  private static void refused(Path file, String... parts) {
    String message = assertThrows(OnnxException.class, () -> OnnxModel.read(file)).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), part + " in " + message);
    }
  }

  private static byte[] typed(String name, Array array, int type) {
    ByteBuffer raw = ByteBuffer.allocate(array.values().length * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (double v : array.values()) {
      switch (type) {
        case 10 -> raw.putShort(Float.floatToFloat16((float) v));
        case 16 -> raw.putShort((short) (Float.floatToRawIntBits((float) v) >>> 16));
        default -> raw.putDouble(v);
      }
    }
    return TestModel.message(
        t -> {
          for (long dim : array.dims()) {
            t.writeInt64(1, dim);
          }
          t.writeInt32(2, type);
          t.writeString(8, name);
          t.writeByteArray(9, Arrays.copyOf(raw.array(), raw.position()));
        });
  }

  @Test
  void weightsOfOtherFloats() throws IOException {
    for (int type : new int[] {10, 11, 16}) {
      same(
          file(
              steps(),
              g -> {
                g.writeByteArray(5, typed("w1", FIRST, type));
                g.writeByteArray(5, typed("b1", SHIFT, type));
                g.writeByteArray(5, typed("w2", LAST, type));
              }));
    }
  }

  /** All elements are stored, counted through, or by axes. */
  @Test
  void sparseWeights() throws IOException {
    for (boolean byAxes : new boolean[] {false, true}) {
      int n = LAST.values().length;
      double[] at = new double[byAxes ? 2 * n : n];
      for (int i = 0; i < n; i++) {
        int from = n - 1 - i;
        if (byAxes) {
          at[2 * i] = from / 4;
          at[2 * i + 1] = from % 4;
        } else {
          at[i] = from;
        }
      }
      double[] values = new double[n];
      Arrays.setAll(values, i -> LAST.values()[n - 1 - i]);
      long[] dims = byAxes ? new long[] {n, 2} : new long[] {n};
      byte[] sparse =
          TestModel.message(
              s -> {
                s.writeByteArray(
                    1, TestModel.tensor("w2", new Array(new long[] {n}, values, false)));
                s.writeByteArray(2, TestModel.tensor("", new Array(dims, at, true)));
                s.writeInt64(3, 2);
                s.writeInt64(3, 4);
              });
      Path file =
          file(
              steps(),
              g -> {
                g.writeByteArray(5, TestModel.tensor("w1", FIRST));
                g.writeByteArray(5, TestModel.tensor("b1", SHIFT));
                g.writeByteArray(15, sparse);
              });
      assertEquals(
          sorted(plain()),
          sorted(
              measured(OnnxModel.read(file, Loss.meanSquaredError()), List.of("w1", "b1", "w2"))));
    }
  }

  private static List<Float> sorted(double[] values) {
    return Arrays.stream(values).sorted().mapToObj(v -> (float) v).toList();
  }

  @Test
  void weightsInConstantNodes() throws IOException {
    List<Step> all = new ArrayList<>();
    all.add(step("Constant", "w1", Map.of("value", FIRST)));
    all.add(step("Constant", "b1", Map.of("value", SHIFT)));
    all.add(step("Constant", "w2", Map.of("value", LAST)));
    all.add(step("Constant", "helper.constant.0", Map.of("value", one(new long[] {1}, 1))));
    all.addAll(steps());
    all.set(all.size() - 1, step("Gemm", "z", Map.of("transB", 1), "t", "w2"));
    all.add(step("Mul", "y", Map.of(), "z", "helper.constant.0"));
    same(file(all, g -> {}));
  }

  private static Array one(long[] dims, double value) {
    return new Array(dims, new double[] {value}, false);
  }

  /** PyTorch's newer exporter puts numbers of its own among the initializers, and says which. */
  @Test
  void numbersAmongTheInitializers() throws IOException {
    List<Step> all = steps();
    all.set(2, step("Gemm", "z", Map.of("transB", 1), "t", "folded"));
    all.add(step("Mul", "y", Map.of(), "z", "val_7"));
    Path file =
        file(
            all,
            g -> {
              g.writeByteArray(5, TestModel.tensor("w1", FIRST));
              g.writeByteArray(5, TestModel.tensor("b1", SHIFT));
              g.writeByteArray(5, TestModel.tensor("folded", LAST));
              g.writeByteArray(5, TestModel.tensor("val_7", one(new long[0], 1)));
              g.writeByteArray(13, origin("w1", Origins.KIND, "PARAMETER"));
              g.writeByteArray(13, origin("b1", Origins.KIND, "PARAMETER"));
              g.writeByteArray(13, origin("folded", Origins.FOLDED, "['o.weight', 'val_1']"));
              g.writeByteArray(13, origin("val_7", Origins.FOLDED, "['val_5']"));
              g.writeByteArray(
                  16,
                  entry(
                      "pkg.torch.export.ExportedProgram.graph_signature",
                      "p_o: PARAMETER target='o.weight' p_w: PARAMETER target='w1'"));
            });
    OnnxModel model = OnnxModel.read(file, Loss.meanSquaredError());
    assertArrayEquals(plain(), measured(model, List.of("w1", "b1", "folded")), 1e-13);
    assertEquals(List.of("val_7"), model.constants());
  }

  private static byte[] origin(String name, String key, String value) {
    return TestModel.message(
        v -> {
          v.writeString(1, name);
          v.writeByteArray(4, entry(key, value));
        });
  }

  // ---- functions, branches, loops, sequences

  private static void texts(CodedOutputStream to, int field, String... all) throws IOException {
    for (String text : all) {
      to.writeString(field, text);
    }
  }

  @Test
  void functionsOfTheFile() throws IOException {
    byte[] function = function();
    same(file(graphOfFunctions(), m -> m.writeByteArray(25, function)));
  }

  private static byte[] function() {
    return TestModel.message(
        f -> {
          f.writeString(1, "Layer");
          texts(f, 4, "in", "weight", "shift");
          texts(f, 5, "out");
          texts(f, 6, "turned");
          Step gemm =
              step("Gemm", "out", Map.of("transB", new Bound("turned")), "in", "weight", "shift");
          f.writeByteArray(7, TestModel.node(gemm));
          f.writeByteArray(9, TestModel.message(o -> o.writeInt64(2, 13)));
          f.writeString(10, "own");
        });
  }

  private static byte[] graphOfFunctions() {
    List<Step> all =
        List.of(
            step("Layer", "h", Map.of("turned", 1), "x", "w1", "b1"),
            step("Tanh", "t", Map.of(), "h"),
            step("Layer", "y", Map.of("turned", 1), "t", "w2"));
    return TestModel.message(
        g -> {
          for (Step s : all) {
            byte[] node = TestModel.node(s);
            byte[] own = TestModel.message(n -> n.writeString(7, "own"));
            g.writeByteArray(1, s.op().equals("Layer") ? joined(node, own) : node);
          }
          initializers(g);
          g.writeByteArray(11, TestModel.info("x", 1, new long[] {-1, 3}));
          g.writeByteArray(12, TestModel.info("y", 1, new long[0]));
        });
  }

  private static byte[] joined(byte[] a, byte[] b) {
    byte[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  private static byte[] body(List<Step> steps, List<String> inputs, String... outputs) {
    return TestModel.message(
        g -> {
          for (Step s : steps) {
            g.writeByteArray(1, TestModel.node(s));
          }
          for (String name : inputs) {
            g.writeByteArray(11, TestModel.info(name, 1, new long[0]));
          }
          for (String name : outputs) {
            g.writeByteArray(12, TestModel.info(name, 1, new long[0]));
          }
        });
  }

  @Test
  void branchesByConstantConditions() throws IOException {
    byte[] right = body(List.of(step("Tanh", "r", Map.of(), "h")), List.of(), "r");
    byte[] wrong = body(List.of(step("Relu", "r", Map.of(), "h")), List.of(), "r");
    List<Step> all = steps();
    all.set(1, step("If", "t", Map.of("then_branch", right, "else_branch", wrong), "yes"));
    all.addFirst(step("Greater", "yes", Map.of(), "three", "two"));
    all.addFirst(step("Constant", "three", Map.of("value_int", 3)));
    all.addFirst(step("Constant", "two", Map.of("value_int", 2)));
    same(file(all, ExporterFilesTest::initializers));
    all.set(2, step("ReduceMax", "yes", Map.of("keepdims", 0), "h"));
    refused(file(all, ExporterFilesTest::initializers), "(ReduceMax)");
  }

  /** h + 3 b1 by a loop; its steps counted in a scan output that nobody uses. */
  @Test
  void loopsOfConstantLength() throws IOException {
    List<Step> spelt = steps();
    spelt.set(0, step("Gemm", "h0", Map.of("transB", 1), "x", "w1"));
    spelt.add(1, step("Add", "h1", Map.of(), "h0", "b1"));
    spelt.add(2, step("Add", "h2", Map.of(), "h1", "b1"));
    spelt.add(3, step("Add", "h", Map.of(), "h2", "b1"));
    assertArrayEquals(
        measured(file(spelt, ExporterFilesTest::initializers)),
        measured(file(looped(), ExporterFilesTest::initializers)),
        1e-13);
  }

  private static List<Step> looped() {
    byte[] loop =
        body(
            List.of(
                step("Identity", "goes_on", Map.of(), "goes"),
                step("Add", "next", Map.of(), "sum", "b1")),
            List.of("i", "goes", "sum"),
            "goes_on",
            "next",
            "i");
    List<Step> looped = steps();
    looped.set(0, step("Gemm", "h0", Map.of("transB", 1), "x", "w1"));
    List<String> outputs = List.of("h", "steps");
    looped.add(1, new Step("Loop", List.of("trips", "", "h0"), outputs, Map.of("body", loop)));
    looped.addFirst(step("Constant", "trips", Map.of("value_int", 3)));
    return looped;
  }

  @Test
  void sequencesThatPackAndUnpack() throws IOException {
    List<Step> all = steps();
    all.set(1, step("Tanh", "t0", Map.of(), "h"));
    all.add(step("Constant", "one", Map.of("value_int", 1)));
    all.add(step("SplitToSequence", "parts", Map.of("axis", 1), "t0", "two"));
    all.add(step("SequenceAt", "last", Map.of(), "parts", "one"));
    all.add(step("SequenceErase", "rest", Map.of(), "parts", "one"));
    all.add(step("SequenceInsert", "again", Map.of(), "rest", "last"));
    all.add(step("ConcatFromSequence", "t", Map.of("axis", 1), "again"));
    all.add(step("Constant", "two", Map.of("value_int", 2)));
    same(file(all, ExporterFilesTest::initializers));
  }

  @Test
  void outputsThatNobodyUses() throws IOException {
    Array ones = new Array(new long[] {4}, new double[] {1, 1, 1, 1}, false);
    List<Step> few = steps();
    few.set(1, step("LayerNormalization", "t", Map.of(), "h", "gain"));
    List<Step> named = steps();
    List<String> outputs = List.of("t", "mean", "deviation");
    named.set(1, new Step("LayerNormalization", List.of("h", "gain"), outputs, Map.of()));
    Part weights =
        g -> {
          initializers(g);
          g.writeByteArray(5, TestModel.tensor("gain", ones));
        };
    List<String> names = List.of("w1", "b1", "w2", "gain");
    assertArrayEquals(
        measured(OnnxModel.read(file(few, weights), Loss.meanSquaredError()), names),
        measured(OnnxModel.read(file(named, weights), Loss.meanSquaredError()), names),
        1e-13);
    List<Step> used = steps();
    used.set(1, new Step("LayerNormalization", List.of("h", "gain"), outputs, Map.of()));
    used.set(2, step("Mul", "y", Map.of(), "t", "deviation"));
    assertTrue(OnnxModel.read(file(used, weights)).network().parameterCount() > 0);
  }

  // ---- the axis of examples

  private static final Shape DATA = Shape.of(5, 3);

  private double[] measured(byte[] graph, Input input) throws IOException {
    OnnxOptions options = OnnxOptions.DEFAULT.withInput("x", input);
    OnnxModel model = OnnxModel.read(file(graph, m -> {}), options, Loss.meanSquaredError());
    return measured(model, List.of("w1", "b1", "w2"));
  }

  @Test
  void graphsOfOneExample() throws IOException {
    double[] expected = plain();
    byte[] one = graph(steps(), ExporterFilesTest::initializers, 1, 3);
    assertArrayEquals(expected, measured(one, Input.of(DATA)), 1e-13);
    List<Step> bare = steps();
    bare.set(0, step("Gemm", "h", Map.of("transB", 1), "row", "w1", "b1"));
    bare.addFirst(step("Constant", "all", Map.of("value_ints", new long[] {-1, 3})));
    bare.add(1, step("Reshape", "row", Map.of(), "x", "all"));
    byte[] without = graph(bare, ExporterFilesTest::initializers, 3);
    assertArrayEquals(expected, measured(without, Input.of(DATA)), 1e-13);
  }

  @Test
  void examplesAlongAnotherAxis() throws IOException {
    double[] expected = plain();
    List<Step> turned = steps();
    turned.set(0, step("Gemm", "h", Map.of("transB", 1), "rows", "w1", "b1"));
    turned.addFirst(step("Transpose", "rows", Map.of("perm", new long[] {1, 0}), "x"));
    byte[] open = graph(turned, ExporterFilesTest::initializers, 3, -1);
    byte[] both = graph(turned, ExporterFilesTest::initializers, -1, -1);
    Shape across = Shape.of(3, 5);
    for (Input input : List.of(Input.of(across), Input.along(across, 1))) {
      OnnxOptions options = OnnxOptions.DEFAULT.withInput(Input.place(0), input);
      byte[] graph = input.axis().isPresent() ? both : open;
      OnnxModel model = OnnxModel.read(file(graph, m -> {}), options, Loss.meanSquaredError());
      assertEquals(1, model.axisOfExamples("x"));
      assertEquals("#0", model.optionOf("x").orElseThrow());
      try (Scope scope = Scope.open()) {
        double[] columns = new double[15];
        Arrays.setAll(columns, i -> i);
        var rows = model.inputs(scope, List.of(Cases.host(scope, columns)));
        assertEquals(5, rows.get(1));
        assertEquals(1, rows.get(3));
      }
      assertArrayEquals(expected, measured(model, List.of("w1", "b1", "w2")), 1e-13);
    }
  }

  /** x and a mask of whole numbers, and numbers that all examples share. */
  @Test
  void severalInputs() throws IOException {
    List<Step> all = steps();
    all.set(0, step("Gemm", "h", Map.of("transB", 1), "shifted", "w1", "b1"));
    all.addFirst(step("Add", "shifted", Map.of(), "masked", "offset"));
    all.addFirst(step("Where", "masked", Map.of(), "shown", "x", "zero"));
    all.addFirst(step("Greater", "shown", Map.of(), "mask", "none"));
    all.addFirst(step("Constant", "none", Map.of("value_int", 0)));
    all.addFirst(step("Constant", "zero", Map.of("value_float", 0f)));
    byte[] graph =
        TestModel.message(
            g -> {
              for (Step s : all) {
                g.writeByteArray(1, TestModel.node(s));
              }
              initializers(g);
              g.writeByteArray(11, TestModel.info("mask", 7, new long[] {-1, 3}));
              g.writeByteArray(11, TestModel.info("x", 1, new long[] {-1, 3}));
              g.writeByteArray(11, TestModel.info("unused", 1, new long[] {-1, 3}));
              g.writeByteArray(11, TestModel.info("offset", 1, new long[] {3}));
              g.writeByteArray(12, TestModel.info("y", 1, new long[0]));
            });
    OnnxOptions options =
        OnnxOptions.DEFAULT
            .withInput("x", Input.of(DATA))
            .withInput("offset", Input.shared(Shape.of(3), 0.25f, -0.5f, 0.125f));
    Path file = file(graph, m -> {});
    refusedWith(file, options, "expected data for each, also for 'mask'");
    options = options.withInput("mask", Input.of(DATA));
    OnnxModel model = OnnxModel.read(file, options, Loss.meanSquaredError());
    assertEquals(List.of("mask", "x"), model.inputNames());
    assertTrue(model.takesIntegers("mask") && !model.takesIntegers("x"));
    double[] x = new Random(5).doubles(15).map(v -> (float) v - 0.5f).toArray();
    double[] mask = new double[15];
    Arrays.setAll(mask, i -> i % 4 == 0 ? 0 : 1);
    double[] direct = new double[15];
    double[] offset = {0.25, -0.5, 0.125};
    Arrays.setAll(direct, i -> (float) (x[i] * mask[i] + offset[i % 3]));
    double[] y = new Random(6).doubles(10).map(v -> (float) v).toArray();
    OnnxModel plain =
        OnnxModel.read(file(steps(), ExporterFilesTest::initializers), Loss.meanSquaredError());
    try (Scope scope = Scope.open()) {
      var packed = model.inputs(scope, List.of(Cases.host(scope, mask), Cases.host(scope, x)));
      double[] together = new double[(int) packed.size()];
      Arrays.setAll(together, packed::get);
      double expected = Cases.loss(plain, Loss.meanSquaredError(), direct, y);
      assertEquals(expected, Cases.loss(model, Loss.meanSquaredError(), together, y), 1e-7);
    }
  }

  private static void refusedWith(Path file, OnnxOptions options, String part) {
    String message =
        assertThrows(OnnxException.class, () -> OnnxModel.read(file, options)).getMessage();
    assertTrue(message.contains(part), part + " in " + message);
  }
}
