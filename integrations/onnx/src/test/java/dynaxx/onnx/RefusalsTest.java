package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Shape;
import dynaxx.network.Tape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
    m.add("NonMaxSuppression", m.output());
    refused(m, "'node_v1': found operator NonMaxSuppression, expected one of Abs, Add, And,");
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
    TestModel old = new TestModel(9, 1).input(-1, 3);
    old.add("MatMul", "x", old.weight("w", 3, 2));
    refused(old, "found operator set 9, expected one from 11 to 21");
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
    refused(
        Files.write(folder.resolve("empty"), new byte[0]), OnnxOptions.DEFAULT, "found 0 graphs");
    refused(folder.resolve("none"), OnnxOptions.DEFAULT, "no such file");
    Path file = linear().write(folder);
    refused(file, OnnxOptions.DEFAULT.withMaximumBytes(100), "expected at most 100");
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
    refused(file, OnnxOptions.DEFAULT, "tensor 'w': found values in an external file");
  }

  @Test
  void leavesTheLastSoftmaxToTheLoss() {
    TestModel m = linear();
    m.add("Softmax", m.output());
    Path file = m.write(folder);
    assertTrue(OnnxModel.read(file).leftOut().isEmpty());
    assertTrue(OnnxModel.read(file, OnnxOptions.DEFAULT.withLogits(true)).leftOut().isPresent());
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
      assertEquals(1, fused.attentionTokens().size(), name);
      assertTrue(plain.attentionTokens().isEmpty(), name);
      Loss loss = Loss.meanSquaredError();
      long bytes = Tape.bytesPerExample(fused, loss);
      assertTrue(2 * bytes < Tape.bytesPerExample(plain, loss), name + ": " + bytes);
    }
    assertFalse(OnnxModel.read(Cases.model("vit-small")).network().attentionTokens().isEmpty());
  }
}
