package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.onnx.Conformance.Outcome;
import dynaxx.onnx.Conformance.Verdict;
import dynaxx.onnx.TestModel.Array;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The test models as tests of the ONNX project's layout, with outputs of the independent
 * interpreter: whole batches, which the graph then has no axis of examples for.
 */
class ConformanceTest {

  private static final int EXAMPLES = 3;

  @TempDir private Path folder;

  private void write(String name, TestModel model, boolean wrong) throws IOException {
    Path test =
        Files.createDirectories(folder.resolve("node/test_" + name.replaceAll("\\W+", "_")));
    Path data = Files.createDirectories(test.resolve("test_data_set_0"));
    Files.write(test.resolve("model.onnx"), model.bytes());
    Random random = new Random(21);
    long first = model.inputDims()[0] < 0 ? EXAMPLES : model.inputDims()[0];
    long[] dims = Dims.with(model.inputDims(), 0, first);
    double[] values = new double[(int) Dims.size(dims)];
    Arrays.setAll(
        values, i -> model.takesTokens() ? random.nextInt(6) : (float) random.nextGaussian());
    Array input = new Array(dims, values, model.takesTokens());
    Array output = Reference.run(model, model.initializers(), input);
    if (wrong) {
      output.values()[0] += 0.01 * (1 + Math.abs(output.values()[0]));
    }
    Files.write(data.resolve("input_0.pb"), TestModel.tensor("x", input));
    Files.write(data.resolve("output_0.pb"), TestModel.tensor("", output));
  }

  @Test
  void modelsAgreeAndSoDoTheirDerivatives() throws IOException {
    Map<String, TestModel> models = Models.all();
    for (Map.Entry<String, TestModel> e : models.entrySet()) {
      write(e.getKey(), e.getValue(), false);
    }
    List<Outcome> outcomes = Conformance.run(folder, true);
    String others =
        outcomes.stream()
            .filter(o -> o.verdict() != Verdict.AGREES)
            .map(o -> o.name() + " " + o.verdict() + " " + o.reason())
            .collect(Collectors.joining("\n"));
    assertEquals("", others);
    assertEquals(models.size(), outcomes.size());
    double worst = outcomes.stream().mapToDouble(o -> o.derivatives().orElse(-1)).max().orElse(-1);
    System.out.printf("conformance: worst derivative %.4f of what is allowed%n", worst);
    assertTrue(worst >= 0 && worst <= 1, "worst " + worst);
  }

  @Test
  void tellsWrongFromRefused() throws IOException {
    TestModel right = new TestModel(17, 1).input(2, 3);
    right.add("Tanh", "x");
    write("right", right, false);
    write("wrong", right, true);
    Path refused = Files.createDirectories(folder.resolve("node/test_refused"));
    TestModel hard = new TestModel(17, 1).input(2, 3);
    hard.add("Hardmax", "x");
    Files.write(refused.resolve("model.onnx"), hard.bytes());
    Path data = Files.createDirectories(refused.resolve("test_data_set_0"));
    Array any = new Array(new long[] {2, 3}, new double[6], false);
    Files.write(data.resolve("input_0.pb"), TestModel.tensor("x", any));
    Files.write(data.resolve("output_0.pb"), TestModel.tensor("", any));
    Path damaged = Files.createDirectories(folder.resolve("node/test_damaged"));
    Files.write(damaged.resolve("model.onnx"), new byte[] {1, 2, 3});
    Map<String, Outcome> outcomes =
        Conformance.run(folder, false).stream().collect(Collectors.toMap(Outcome::name, o -> o));
    assertEquals(Verdict.AGREES, outcomes.get("test_right").verdict());
    assertEquals("Tanh", outcomes.get("test_right").operator());
    assertTrue(outcomes.get("test_right").floats());
    assertEquals(Verdict.WRONG, outcomes.get("test_wrong").verdict());
    assertTrue(outcomes.get("test_wrong").reason().contains(", expected "));
    assertEquals(Verdict.REFUSED, outcomes.get("test_refused").verdict());
    assertTrue(outcomes.get("test_refused").reason().contains("Hardmax"));
    assertTrue(outcomes.get("test_damaged").verdict() != Verdict.AGREES);
  }
}
