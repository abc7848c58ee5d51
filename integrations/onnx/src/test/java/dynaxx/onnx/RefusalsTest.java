package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Gather;
import dynaxx.network.pass.Tape;
import dynaxx.operator.Hessian;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be imported is refused with what was found and what was expected. */
class RefusalsTest {

  @TempDir private Path folder;

  private static void refused(Path file, OnnxOptions options, String... parts) {
    String message =
        assertThrows(OnnxException.class, () -> OnnxModel.read(file, options)).getMessage();
    assertTrue(message.startsWith(file.toString()), message);
    for (String part : parts) {
      assertTrue(message.contains(part), part + " in " + message);
    }
  }

  private void refused(TestModel model, String... parts) {
    refused(model.write(folder), OnnxOptions.DEFAULT, parts);
  }

  private static TestModel linear() {
    TestModel m = new TestModel(13, 1).input(-1, 3);
    return m.output(m.add("MatMul", "x", m.weight("w", 3, 2)));
  }

  @Test
  void namesOperatorsThatAreNotSupported() {
    TestModel m = linear();
    m.add("Unheard", m.output());
    refused(
        m,
        "'node_v1': found operator Unheard, expected one of Abs, Acos, Acosh, Add, AffineGrid,"
            + " And,");
    TestModel boxes = linear();
    boxes.add("NonMaxSuppression", boxes.output());
    refused(boxes, "found NonMaxSuppression, which is not supported: it makes boxes or lists");
    TestModel cache = linear();
    cache.add("TensorScatter", cache.output());
    refused(cache, "found TensorScatter, which is not supported: it writes to a cache");
  }

  @Test
  void ignoresWhatTheOutputDoesNotNeed() {
    TestModel m = linear();
    String kept = m.output();
    m.add("NonMaxSuppression", kept);
    m.weight("unused", 4);
    OnnxModel read = OnnxModel.read(m.output(kept).write(folder));
    assertEquals(6, read.network().parameterCount());
    assertEquals(List.of("unused"), read.constants());
  }

  @Test
  void refusesGraphsThatMixExamples() {
    TestModel sum = new TestModel(13, 1).input(-1, 3);
    sum.add("ReduceSum", sum.add("Mul", "x", sum.weight("w", 3)), sum.ints(0));
    refused(sum, "ReduceSum", "along the axis of the examples");
    TestModel mixed = new TestModel(13, 1).input(-1, 4);
    mixed.add("Reshape", mixed.add("Mul", "x", mixed.weight("w", 4)), mixed.ints(2, -1));
    refused(mixed, "Reshape", "[batch x 4] acts along the axis of the examples");
    TestModel differs = new TestModel(13, 1).input(2, 3);
    differs.add("Add", "x", differs.weight("w", 2, 3));
    refused(differs, "acts along the axis of the examples");
    TestModel gram = new TestModel(13, 1).input(-1, 3);
    String y = gram.add("Mul", "x", gram.weight("w", 3));
    gram.add("MatMul", y, gram.add("Transpose", y, Map.of("perm", new long[] {1, 0})));
    refused(gram, "combines examples");
  }

  @Test
  void refusesCyclesAndMissingValues() {
    TestModel cycle = linear();
    cycle.steps().add(new TestModel.Step("Add", List.of("b", "v0"), List.of("a"), Map.of()));
    cycle.steps().add(new TestModel.Step("Relu", List.of("a"), List.of("b"), Map.of()));
    refused(cycle.output("b"), "found a cycle through");
    TestModel missing = linear();
    missing.add("Add", missing.output(), "nowhere");
    refused(missing, "found no value 'nowhere'");
    TestModel twice = linear();
    twice.steps().add(new TestModel.Step("Relu", List.of("x"), List.of("v0"), Map.of()));
    refused(twice, "found a second value 'v0'");
    refused(linear().output("other"), "output 'other': found no node");
  }

  @Test
  void refusesOtherOperatorSetsAndTrainingGraphs() {
    TestModel old = new TestModel(6, 1).input(-1, 3);
    old.add("MatMul", "x", old.weight("w", 3, 2));
    refused(old, "found operator set 6, expected one from 7 to 28");
    TestModel training = new TestModel(15, 1).input(-1, 2, 3);
    training.add(
        "BatchNormalization",
        "x",
        training.gain("g", 2),
        training.weight("b", 2),
        training.weight("m", 2),
        training.gain("v", 2),
        Map.of("training_mode", 1));
    refused(training, "a graph exported for evaluation");
    TestModel none = new TestModel(13, 1).input(-1, 3);
    none.add("Relu", "x");
    refused(none, "found no parameter that reaches the output");
    refused(
        linear().write(folder),
        OnnxOptions.DEFAULT.withParameters(Pattern.compile("v.*")),
        "that matches 'v.*'");
    refused(linear().write(folder), OnnxOptions.DEFAULT.withOutput("y"), "expected one of [v0]");
  }

  @Test
  void asksForOpenExtents() {
    TestModel open = new TestModel(13, 1).input(-1, -1, 3);
    open.add("MatMul", "x", open.weight("w", 3, 2));
    refused(open, "found open extents [-1, -1, 3]");
    OnnxOptions stated = OnnxOptions.DEFAULT.withInputShape(Shape.of(5, 3));
    Network network = OnnxModel.read(open.write(folder), stated).network();
    assertEquals(Shape.of(5, 2), network.outputShape());
    refused(
        linear().write(folder),
        OnnxOptions.DEFAULT.withInputShape(Shape.of(4)),
        "found examples of shape [4], expected [3]");
  }

  @Test
  void refusesHugeConstants() {
    TestModel m = linear();
    String big = m.add("ConstantOfShape", m.ints(1 << 20, 1 << 20));
    refused(m.output(m.add("Add", m.steps().getFirst().outputs().getFirst(), big)), "fewer than");
    TestModel wide = linear();
    String range = wide.add("Range", wide.number(0), wide.number(1e9f), wide.number(1));
    refused(wide.output(wide.add("Add", "v0", range)), "Range", "expected from 0 to");
    TestModel many = linear();
    String each = many.add("Range", many.number(0), many.number(1 << 24), many.number(1));
    for (int i = 0; i < 5; i++) {
      each = many.add("Add", each, each);
    }
    many.add("Add", "v0", many.add("Gather", each, many.ints(1)));
    refused(many, "values of computed constants, expected at most");
    TestModel steps = new TestModel(14, 1).input(-1, 1 << 20, 2);
    String x = steps.add("Transpose", "x", Map.of("perm", new long[] {1, 0, 2}));
    steps.add(
        "RNN", x, steps.weight("w", 1, 3, 2), steps.weight("r", 1, 3, 3), Map.of("hidden_size", 3));
    refused(steps, "operations when unrolled");
  }

  @Test
  void refusesDamagedFiles() throws IOException {
    byte[] whole = linear().bytes();
    for (int cut : new int[] {1, 10, whole.length / 2, whole.length - 1}) {
      Path file = Files.write(folder.resolve("cut" + cut), java.util.Arrays.copyOf(whole, cut));
      refused(file, OnnxOptions.DEFAULT, "found");
    }
    refused(folder.resolve("none"), OnnxOptions.DEFAULT, "found no such file");
    refused(folder, OnnxOptions.DEFAULT, "found a folder, expected an ONNX model");
    Path file = linear().write(folder);
    refused(file, OnnxOptions.DEFAULT.withMaximumBytes(100), "expected at most 100");
  }

  @Test
  void saysOfDamagedFilesWhereAndWhatToDo() throws IOException {
    byte[] whole = linear().bytes();
    for (int cut : new int[] {whole.length / 3, whole.length / 2, whole.length - 1}) {
      damaged(
          java.util.Arrays.copyOf(whole, cut),
          "found the end of the file after " + cut + " bytes, in the middle of the model",
          "copy or export it again");
    }
    for (int at = 2; at < whole.length; at += 7) {
      byte[] broken = whole.clone();
      java.util.Arrays.fill(broken, at, Math.min(at + 12, whole.length), (byte) 0xFF);
      damaged(broken, "found ");
    }
    byte[] garbled = whole.clone();
    java.util.Arrays.fill(garbled, whole.length / 2, whole.length / 2 + 30, (byte) 0xFF);
    damaged(garbled, " of " + whole.length + ": the file is damaged or no ONNX model");
    damaged(TestModel.message(m -> m.writeInt64(1, 8)), "found no graph, expected an ONNX model");
  }

  @Test
  void saysWhatFileItIsInstead() throws IOException {
    damaged(new byte[0], "found an empty file, expected an ONNX model; export");
    String lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    damaged(lfs.getBytes(StandardCharsets.UTF_8), "a Git LFS pointer", "git lfs pull");
    damaged("<!DOCTYPE html>\n<html>".getBytes(StandardCharsets.UTF_8), "found a text file");
    damaged("PK\3\4 and more".getBytes(StandardCharsets.ISO_8859_1), "torch.onnx.export");
    damaged("\u0080\2}q\0".getBytes(StandardCharsets.ISO_8859_1), "a Python pickle");
    damaged("\u0089HDF\r\n".getBytes(StandardCharsets.ISO_8859_1), "Keras");
    damaged("\u0093NUMPY\1\0v\0".getBytes(StandardCharsets.ISO_8859_1), "a NumPy array");
    damaged("\u001f\u008b\b\0\0".getBytes(StandardCharsets.ISO_8859_1), "gunzip");
  }

  /** In words of the file: nothing of how its encoding is read. */
  private void damaged(byte[] bytes, String... parts) throws IOException {
    Path file = Files.write(folder.resolve("damaged.onnx"), bytes);
    String message =
        assertThrows(OnnxException.class, () -> OnnxModel.read(file, OnnxOptions.DEFAULT))
            .getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), part + " in " + message);
    }
    for (String foreign : List.of("rotocol", "protobuf", "varint", "wire type", "tag", "null")) {
      assertFalse(message.contains(foreign), message);
    }
  }

  @Test
  void refusesExternalData() throws IOException {
    byte[] external =
        TestModel.message(
            t -> {
              t.writeInt64(1, 3);
              t.writeInt64(1, 2);
              t.writeInt32(2, 1);
              t.writeString(8, "w");
              t.writeByteArray(
                  13,
                  TestModel.message(
                      e -> {
                        e.writeString(1, "location");
                        e.writeString(2, "weights.bin");
                      }));
              t.writeInt32(14, 1);
            });
    byte[] graph = TestModel.message(g -> g.writeByteArray(5, external));
    byte[] model =
        TestModel.message(
            m -> {
              m.writeByteArray(8, TestModel.message(o -> o.writeInt64(2, 13)));
              m.writeByteArray(7, graph);
            });
    Path file = Files.write(folder.resolve("external.onnx"), model);
    refused(file, OnnxOptions.DEFAULT, "tensor 'w': found no file 'weights.bin' beside the model");
  }

  @Test
  void leavesTheLastSoftmaxToTheLoss() {
    TestModel m = linear();
    m.add("Softmax", m.output());
    Path file = m.write(folder);
    assertTrue(OnnxModel.read(file).leftOut().isEmpty());
    assertTrue(OnnxModel.read(file, OnnxOptions.DEFAULT.withLogits(true)).leftOut().isPresent());
  }

  private static TestModel ending(Function<TestModel, String> end) {
    TestModel m = linear();
    return m.output(end.apply(m));
  }

  @Test
  void leavesEveryFormOfTheLastSoftmaxToTheLoss() {
    OnnxOptions logits = OnnxOptions.DEFAULT.withLogits(true);
    double[] x = {0.5, -1, 2, 0.1, 0.2, 0.3};
    double[] y = {1, 0};
    Loss loss = Loss.crossEntropy();
    double expected = Cases.loss(OnnxModel.read(linear().write(folder)), loss, x, y);
    String z = linear().output();
    Map<String, Object> last = Map.of("axes", new long[] {-1});
    List<Function<TestModel, String>> ends =
        List.of(
            m -> m.add("Identity", m.add("Softmax", z)),
            m -> m.add("Cast", m.add("Softmax", z), Map.of("to", 1)),
            m -> m.add("Dropout", m.add("Softmax", z)),
            m -> m.add("Reshape", m.add("Softmax", z), m.ints(-1, 2)),
            m -> m.add("Squeeze", m.add("Softmax", m.add("Unsqueeze", z, m.ints(1))), m.ints(1)),
            m -> m.add("Identity", m.add("LogSoftmax", z)),
            m -> m.add("Exp", m.add("LogSoftmax", z)),
            m -> m.add("Log", m.add("Softmax", z)),
            m -> {
              String exp = m.add("Exp", m.add("Sub", z, m.add("ReduceMax", z, last)));
              return m.add("Div", exp, m.add("ReduceSum", exp, m.ints(-1)));
            });
    for (Function<TestModel, String> end : ends) {
      TestModel m = ending(end);
      OnnxModel read = OnnxModel.read(m.write(folder), logits);
      assertTrue(read.leftOut().isPresent(), m.steps().toString());
      assertEquals(expected, Cases.loss(read, loss, x, y), 1e-12, m.steps().toString());
    }
    TestModel clipped =
        ending(m -> m.add("Clip", m.add("Softmax", z), m.number(1e-7), m.number(1)));
    refused(clipped.write(folder), logits, "output 'v", "a softmax that is followed by");
    TestModel other = new TestModel(13, 1).input(-1, 3, 2);
    String w = other.add("Mul", "x", other.weight("w", 3, 1));
    other.add("Softmax", w, Map.of("axis", 1));
    refused(other.write(folder), logits, "not over the last axis");
    TestModel none = linear();
    none.add("Softmax");
    refused(none.write(folder), logits, "(Softmax): input 0: found none");
  }

  @Test
  void refusesStatisticsOfBatchNormalisationInTraining() {
    TestModel m = new TestModel(11, 1).input(-1, 2, 3);
    List<String> outputs =
        m.all(
            "BatchNormalization",
            5,
            "x",
            m.gain("g", 2),
            m.weight("b", 2),
            m.weight("m", 2),
            m.gain("v", 2));
    refused(m.output(outputs.getFirst()), "'node_v0' (BatchNormalization)", "in training");
  }

  @Test
  void refusesWindowsThatDoNotFit() {
    Map<String, Object> square = Map.of("kernel_shape", new long[] {2, 2});
    Map<String, Map<String, Object>> wrong =
        Map.of(
            "strides [2]", Map.of("strides", new long[] {2}),
            "dilations [1, 1, 1]", Map.of("dilations", new long[] {1, 1, 1}),
            "kernel_shape [3, 2]", Map.of("kernel_shape", new long[] {3, 2}),
            "2 pads", Map.of("pads", new long[] {1, 1}),
            "auto_pad: found 'SAME'", Map.of("auto_pad", "SAME"));
    wrong.forEach(
        (part, attributes) -> {
          TestModel m = new TestModel(13, 1).input(-1, 1, 5, 5);
          m.add("Conv", "x", m.weight("w", 1, 1, 2, 2), attributes);
          refused(m, part);
        });
    TestModel pool = new TestModel(13, 1).input(-1, 1, 5);
    pool.add("MaxPool", pool.add("Mul", "x", pool.weight("w", 5)), square);
    refused(pool, "kernel_shape [2, 2], expected 1 numbers");
  }

  @Test
  void refusesPowersOfNegativeConstants() {
    TestModel m = linear();
    String y = m.output();
    m.add("Pow", m.number(-2), y);
    refused(m, "(Pow)", "the base -2.0 of computed exponents");
  }

  @Test
  void refusesWhatHasNoInputsOrIsNestedTooDeeply() {
    TestModel empty = linear();
    empty.add("Concat", Map.of("axis", 0));
    refused(empty, "(Concat)", "found no inputs");
    TestModel deep = new TestModel(13, 1).input(-1, 1);
    String all = deep.weight("w", 1, 1);
    for (int i = 0; i < 5_000; i++) {
      all = deep.add("Concat", all, "w", Map.of("axis", 0));
    }
    deep.add("MatMul", "x", deep.add("Transpose", all, Map.of("perm", new long[] {1, 0})));
    Network network = OnnxModel.read(deep.write(folder)).network();
    assertEquals(Shape.of(5_001), network.outputShape());
  }

  @Test
  void aRowOfZerosHasANormWithoutDerivative() {
    TestModel m = new TestModel(13, 1).input(-1, 2);
    m.add("ReduceL2", m.add("Mul", "x", m.weight("w", 2)), Map.of("axes", new long[] {1}));
    OnnxModel read = OnnxModel.read(m.write(folder));
    Loss loss = Loss.meanSquaredError();
    try (Scope scope = Scope.open();
        Device device = Devices.cpu(1)) {
      HostBuffer x = Cases.host(scope, new double[] {0, 0});
      Batch batch = Batch.of(read.network(), loss, x, Cases.host(scope, new double[] {1}));
      try (Hessian hessian = new Hessian(read.network(), loss, batch, device)) {
        hessian.linearize(read.parameters(scope));
        assertArrayEquals(new float[2], ((HostBuffer) hessian.gradient()).toArray());
        Vectors v = Vectors.of(Cases.host(scope, new double[] {1, -2}), 1, 2);
        assertEquals(0, hessian.quadraticForm(v)[0]);
      }
    }
  }

  @Test
  void frozenRecurrentWeightsAreKeptOnce() {
    TestModel m = new TestModel(14, 1).input(-1, 200, 3);
    String x = m.add("Transpose", "x", Map.of("perm", new long[] {1, 0, 2}));
    String[] weights = {m.weight("w", 1, 512, 3), m.weight("r", 1, 512, 128)};
    Map<String, Object> hidden = Map.of("hidden_size", 128);
    List<String> out = m.all("LSTM", 2, x, weights[0], weights[1], m.weight("b", 1, 1024), hidden);
    m.output(m.add("Reshape", out.getLast(), m.ints(-1, 128)));
    OnnxOptions frozen = OnnxOptions.DEFAULT.withParameters(Pattern.compile("b|w"));
    Path file = m.write(folder);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    OnnxModel.read(file, frozen);
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(bytes < 50 << 20, bytes + " bytes, " + 200 * 4 * 512 * 128 + " for every step");
  }

  @Test
  void fusesWhatExportersSpellOut() {
    for (String name :
        List.of(
            "llama block",
            "llama block, keys for each head",
            "merged heads, sequence first",
            "bert block")) {
      Path file = Models.all().get(name).write(folder);
      Network fused = OnnxModel.read(file).network();
      Network plain = OnnxModel.read(file, OnnxOptions.DEFAULT.withFused(false)).network();
      assertEquals(1, fused.layers("attention_entropy").size(), name);
      assertTrue(plain.layers("attention_entropy").isEmpty(), name);
      Loss loss = Loss.meanSquaredError();
      long bytes = Tape.bytesPerExample(fused, loss);
      assertTrue(2 * bytes < Tape.bytesPerExample(plain, loss), name + ": " + bytes);
    }
    assertFalse(
        OnnxModel.read(Cases.model("vit-small")).network().layers("attention_entropy").isEmpty());
  }

  @Test
  void slicesOfParametersNeedNoPositions() {
    TestModel m = new TestModel(13, 1).input(-1, 1024);
    String columns = m.add("Slice", m.weight("w", 2048, 1024), m.ints(0), m.ints(512), m.ints(1));
    String sums = m.add("ReduceSum", m.add("Mul", columns, columns), m.ints(1));
    m.add("Mul", m.add("ReduceSum", "x", m.ints(1)), m.add("Reshape", sums, m.ints(-1)));
    Path file = m.write(folder);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    OnnxModel.read(file);
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(bytes < 24 << 20, bytes + " bytes for a file of 8 MiB");
  }

  @Test
  void positionsThatFitAreNotWrittenDown() {
    Gather gather = new Gather(0, Collections.nCopies(1_000_000, 1));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    gather.outputShape(List.of(Shape.of(2)));
    long before = threads.getCurrentThreadAllocatedBytes();
    assertEquals(Shape.of(1_000_000), gather.outputShape(List.of(Shape.of(2))));
    assertTrue(threads.getCurrentThreadAllocatedBytes() - before < 100_000);
  }
}
