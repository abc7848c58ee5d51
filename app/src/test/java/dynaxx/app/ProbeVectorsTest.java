package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.app.data.ArrayFile;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.testing.Numbers;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Influences, the Fisher matrix by draws, and soft targets on any axis, as commands. {@code
 * make.py} beside the values computes them with PyTorch in float64.
 */
class ProbeVectorsTest {

  @TempDir private Path temporary;

  private static Outcome run(List<String> arguments, String... more) {
    return Outcome.of(arguments, more);
  }

  private static void refused(List<String> arguments, String text, String... more) {
    Outcome outcome = run(arguments, more);
    assertEquals(2, outcome.status(), outcome.out() + outcome.err());
    assertTrue(outcome.err().contains(text), text + " in " + outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  private static String file(String name) {
    String resource = "/dynaxx/probe/" + name;
    try {
      return Path.of(
              Objects.requireNonNull(ProbeVectorsTest.class.getResource(resource), resource)
                  .toURI())
          .toString();
    } catch (URISyntaxException e) {
      throw new IllegalStateException(resource, e);
    }
  }

  private static List<String> probe(String model, String inputs, String targets, String loss) {
    return List.of(
        "probe",
        "--model",
        file(model),
        "--inputs",
        file(inputs),
        "--targets",
        file(targets),
        "--loss",
        loss);
  }

  private static List<String> influence(String name, String loss) {
    String prefix = name.isEmpty() ? "" : name + "-";
    List<String> all =
        new ArrayList<>(
            probe(
                (name.isEmpty() ? "influence" : name) + ".onnx",
                prefix + "train.npy",
                prefix + "train-targets.npy",
                loss));
    all.addAll(
        List.of(
            "--influence",
            file(prefix + "test.npy"),
            "--influence-targets",
            file(prefix + "test-targets.npy")));
    return all;
  }

  private static double[] values(Path file) {
    try (Scope scope = Scope.open()) {
      return Numbers.doubles(ArrayFile.open(file).values(scope));
    }
  }

  private static double[] row(double[] all, int rows, int row) {
    int size = all.length / rows;
    return Arrays.copyOfRange(all, row * size, (row + 1) * size);
  }

  private static int[] largest(double[] changes, int count) {
    return java.util.stream.IntStream.range(0, changes.length)
        .boxed()
        .sorted((a, b) -> Double.compare(Math.abs(changes[b]), Math.abs(changes[a])))
        .mapToInt(i -> i)
        .limit(count)
        .toArray();
  }

  private static List<Integer> listed(String out) {
    Matcher lines = Pattern.compile("(?m)^  example +(\\d+)  [-+]").matcher(out);
    return lines.results().map(r -> Integer.parseInt(r.group(1))).toList();
  }

  /** Residual 1e-5 and eigenvalues from 0.05 on: errors stay below 1e-4 of the largest change. */
  @ParameterizedTest
  @CsvSource({"hessian, 0", "gauss-newton, 1"})
  void influencesAreThoseOfADenseSolution(String matrix, int row) {
    Path out = temporary.resolve("changes.npy");
    Outcome outcome =
        run(
            influence("", "cross-entropy"),
            "--operator",
            matrix,
            "--damping",
            "0.05",
            "--top",
            "4",
            "--out",
            out.toString());
    assertEquals(0, outcome.status(), outcome.err());
    double[] expected = row(values(Path.of(file("changes.npy"))), 2, row);
    double[] found = values(out);
    assertTrue(Numbers.relativeDifference(expected, found) < 1e-4, outcome.out());
    List<Integer> top = Arrays.stream(largest(expected, 4)).boxed().toList();
    assertEquals(top, listed(outcome.out()), outcome.out());
    assertTrue(
        outcome.out().contains("change of that loss if one of the 40 examples were left out"));
    assertTrue(outcome.out().contains("with " + matrix + " + 0.05000, residual "), outcome.out());
    assertFalse(outcome.out().contains("lambda_min"), "nothing else was asked for");
  }

  /** The weight decay of the objective is part of its Hessian; numbers are those of the files. */
  @Test
  void influencesOfSomeExamplesWithWeightDecay() {
    Path out = temporary.resolve("changes.npy");
    Outcome outcome =
        run(influence("", "cross-entropy"), "--weight-decay", "0.05", "--out", out.toString());
    assertEquals(0, outcome.status(), outcome.err());
    double[] expected = row(values(Path.of(file("changes.npy"))), 2, 0);
    assertTrue(Numbers.relativeDifference(expected, values(out)) < 1e-4, outcome.out());
    assertEquals(10, listed(outcome.out()).size());
    Outcome some = run(influence("", "cross-entropy"), "--damping", "0.5", "--examples", "30:40");
    assertEquals(0, some.status(), some.err());
    List<Integer> numbers = listed(some.out());
    assertEquals(10, numbers.size());
    assertTrue(numbers.stream().allMatch(i -> i >= 30 && i < 40), numbers.toString());
  }

  /** A model with two inputs takes two files, by their names in any order. */
  @Test
  void influencesOfAModelWithSeveralInputs() {
    Path out = temporary.resolve("changes.npy");
    Outcome outcome =
        run(
            probe("two.onnx", "train-1.npy", "train-targets.npy", "cross-entropy"),
            "--inputs",
            file("train-2.npy"),
            "--influence",
            "x2=" + file("test-2.npy"),
            "--influence",
            "x1=" + file("test-1.npy"),
            "--influence-targets",
            file("test-targets.npy"),
            "--damping",
            "0.05",
            "--out",
            out.toString());
    assertEquals(0, outcome.status(), outcome.err());
    double[] expected = row(values(Path.of(file("changes.npy"))), 2, 0);
    assertTrue(Numbers.relativeDifference(expected, values(out)) < 1e-4, outcome.out());
  }

  /**
   * A convex model trained again: with a little less weight of an example the change is that
   * predicted, and without it the prediction misses what is of second order.
   */
  @ParameterizedTest
  @CsvSource({"ridge, mse, 0.2", "logistic, binary-cross-entropy, 0.2"})
  void influencesAreTheFirstOrderOfTrainingAgain(String name, String loss, double second) {
    Path out = temporary.resolve("changes.npy");
    Outcome outcome =
        run(influence(name, loss), "--damping", "0.05", "--top", "3", "--out", out.toString());
    assertEquals(0, outcome.status(), outcome.err());
    double[] retrained = values(Path.of(file(name + "-changes.npy")));
    double[] found = values(out);
    double first = Numbers.relativeDifference(row(retrained, 2, 0), found);
    assertTrue(first < 1e-3, "first order: " + first);
    double[] without = row(retrained, 2, 1);
    double whole = Numbers.relativeDifference(without, found);
    assertTrue(whole < second && whole > first, "left out: " + whole);
    for (int i : largest(without, 5)) {
      assertEquals(Math.signum(without[i]), Math.signum(found[i]), "sign of example " + i);
    }
    assertEquals(largest(without, 1)[0], listed(outcome.out()).getFirst());
  }

  @Test
  void influenceRefusesWhatDoesNotFit() {
    List<String> all = influence("", "cross-entropy");
    List<String> plain = all.subList(0, 9);
    refused(plain, "found one of them, expected both", "--influence", file("test.npy"));
    refused(plain, "--top: found it without --influence", "--top", "3");
    refused(all, "--top: found 0", "--top", "0");
    refused(all, "--influence: found 2 matrices", "--operator", "hessian,gauss-newton");
    refused(all, "--influence-targets: found 2", "--influence-targets", file("test.npy"));
    refused(
        all,
        "found both with --out",
        "--solve",
        file("test.npy"),
        "--out",
        temporary.resolve("x.npy").toString());
    List<String> shape = new ArrayList<>(all);
    shape.set(shape.indexOf("--influence") + 1, file("ridge-test.npy"));
    refused(shape, "input 'x': found examples of shape [3], expected [4]");
    List<String> none = new ArrayList<>(all);
    none.set(none.indexOf("--influence") + 1, temporary.resolve("none.npy").toString());
    refused(none, "none.npy: found no such file");
    List<String> wrong = new ArrayList<>(all);
    wrong.set(wrong.indexOf("--influence-targets") + 1, file("train-targets.npy"));
    refused(wrong, "train-targets.npy: found shape [40], expected [6]");
    List<String> coupled = new ArrayList<>(all);
    coupled.set(coupled.indexOf("--loss") + 1, "contrastive");
    refused(coupled, "--influence: needs gradients of single examples, and contrastive couples");
    List<String> taken = new ArrayList<>(all);
    refused(taken, "expected a file of its own", "--out", file("test.npy"));
  }

  /** The Gauss-Newton trace of the same model lies within four standard errors of the draws. */
  @Test
  void fisherIsLabelledAndNearTheGaussNewtonMatrix() throws IOException {
    Path file = temporary.resolve("probe.json");
    List<String> all = probe("influence.onnx", "train.npy", "train-targets.npy", "cross-entropy");
    Outcome outcome =
        run(
            all,
            "--operator",
            "gauss-newton,fisher,empirical-fisher",
            "--draws",
            "200",
            "--seed",
            "3",
            "--mode",
            "cheap",
            "--json",
            file.toString());
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(
        outcome.out().contains("; targets drawn from the model, 200 for each example, seed 3"),
        outcome.out());
    JsonNode json = new ObjectMapper().readTree(file.toFile());
    JsonNode fisher = json.get("fisher");
    double exact = json.get("gauss_newton").get("trace").asDouble();
    double error = fisher.get("trace_standard_error").asDouble();
    assertEquals(exact, fisher.get("trace").asDouble(), 4 * error);
    assertTrue(error > 0 && error < 0.02 * exact, "standard error " + error);
    double top = json.get("gauss_newton").get("largest").get(0).asDouble();
    assertEquals(top, fisher.get("largest").get(0).asDouble(), 0.1 * top);
    assertEquals("drawn from the model", fisher.get("targets").asText());
    assertEquals(200, fisher.get("draws").asInt());
    assertTrue(json.has("empirical_fisher"));
    refused(all, "--draws: found 0", "--operator", "fisher", "--draws", "0");
    refused(all, "--draws: found it without --operator fisher", "--draws", "2");
    List<String> cosine =
        new ArrayList<>(probe("ridge.onnx", "ridge-train.npy", "ridge-train-targets.npy", "huber"));
    refused(cosine, "found huber, which is no log-likelihood", "--operator", "fisher");
    Outcome product =
        run(all, "--operator", "fisher", "--diagonal", temporary.resolve("d.npy").toString());
    assertEquals(0, product.status(), product.err());
    assertTrue(product.out().contains("the diagonal of fisher"), product.out());
  }

  /** Logits of 10,000 and a few units: float32 is refused, and everything is done in float64. */
  @Test
  void logitsFarFromZeroAreMeasuredInFloat64() throws IOException {
    double[] expected = values(Path.of(file("far-values.npy")));
    Path gradient = temporary.resolve("g.npy");
    Path json = temporary.resolve("probe.json");
    Outcome outcome =
        run(
            probe("far.onnx", "train.npy", "train-targets.npy", "cross-entropy"),
            "--label-smoothing",
            "0.2",
            "--gradient",
            gradient.toString(),
            "--json",
            json.toString());
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(outcome.out().contains("found an example whose logits lie "), outcome.out());
    assertTrue(outcome.out().contains("; measured again in float64"), outcome.out());
    double loss = new ObjectMapper().readTree(json.toFile()).get("loss").asDouble();
    assertEquals(expected[0], loss, 1e-6 * expected[0]);
    assertClose("gradient", expected, 1, values(gradient));
  }

  /** 16 tokens of 23 classes: a class for each of 23 would mean that classes lie along axis 1. */
  @Test
  void targetsOfOthersCannotMeanAnotherAxis() throws IOException {
    Path directory = Path.of("..", "core-java", "src", "test", "resources", "dynaxx", "cases");
    Path known = directory.resolve("lm-causal");
    Path other = temporary.resolve("other.npy");
    try (Scope scope = Scope.open()) {
      ArrayFile.write(other, List.of(24L, 23L), scope.allocate(24 * 23));
    }
    List<String> arguments =
        List.of(
            "probe",
            "--model",
            known.resolve("model.onnx").toString(),
            "--inputs",
            known.resolve("inputs.npy").toString(),
            "--targets",
            known.resolve("targets.npy").toString(),
            "--loss",
            "cross-entropy",
            "--influence",
            known.resolve("inputs.npy").toString(),
            "--influence-targets",
            other.toString());
    refused(arguments, "along another axis than in --targets");
  }

  /** As many classes as columns, so that nothing but the option tells which axis is meant. */
  @Test
  void softTargetsLieAlongAnyAxis() throws IOException {
    double[] expected = values(Path.of(file("masks-values.npy")));
    int n = (expected.length - 1) / 3;
    List<String> all =
        new ArrayList<>(
            probe("masks.onnx", "masks.npy", "masks-targets.npy", "soft-cross-entropy"));
    all.addAll(List.of("--class-weights", "0.25,1.5,1", "--label-smoothing", "0.1"));
    refused(
        all, "expected a distribution, with sum 1, along the axis of the classes (--class-axis)");
    all.addAll(List.of("--class-axis", "1", "--hvp", file("masks-direction.npy")));
    Path gradient = temporary.resolve("g.npy");
    Path products = temporary.resolve("hv.npy");
    Path json = temporary.resolve("probe.json");
    all.addAll(List.of("--out", products.toString(), "--gradient", gradient.toString()));
    Outcome hessian = run(all, "--json", json.toString(), "--mode", "cheap");
    assertEquals(0, hessian.status(), hessian.err());
    double loss = new ObjectMapper().readTree(json.toFile()).get("loss").asDouble();
    assertEquals(expected[0], loss, 1e-6 * expected[0]);
    assertClose("gradient", expected, 1, values(gradient));
    assertClose("Hessian", expected, 1 + n, values(products));
    Files.delete(products);
    Outcome gaussNewton = run(all, "--operator", "gauss-newton");
    assertEquals(0, gaussNewton.status(), gaussNewton.err());
    assertClose("Gauss-Newton", expected, 1 + 2 * n, values(products));

    Path last = temporary.resolve("last.npy");
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(6L * 4 * 3 * 3);
      ArrayFile.write(last, List.of(6L, 3L, 3L, 4L), values);
    }
    List<String> other = new ArrayList<>(all);
    other.set(other.indexOf("--targets") + 1, last.toString());
    refused(other, "found shape [6 x 3 x 3 x 4], expected [6 x 3 x 4 x 3]");
  }

  private static void assertClose(String what, double[] expected, int from, double[] found) {
    double[] part = Arrays.copyOfRange(expected, from, from + found.length);
    double difference = Numbers.relativeDifference(part, found);
    assertTrue(difference < 2e-5, what + ": relative difference " + difference);
  }
}
