package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DemoCommandTest {

  private static final String COLUMNS =
      "step,epoch,loss,validation_loss,validation_accuracy,learning_rate,batch_size,gradient_norm,"
          + "gradient_variance,noise_scale,lambda_min,lambda_min_residual,lambda_max,lambda_max_residual,"
          + "preconditioned_lambda_max,preconditioned_lambda_max_residual,trace,"
          + "trace_error,attention_entropy,attention_heads_sparse,sharpness_ratio,"
          + "sharpness_ratio_residual,directional_curvature_ratio,batch_sharpness_ratio,"
          + "batch_sharpness_ratio_error,critical_rate_ratio,critical_rate_ratio_error,oscillation,"
          + "decoupling_ratio,negative_fraction,step_seconds,snapshot_seconds,event";

  @TempDir private Path temporary;

  private static Outcome run(String... arguments) {
    return Outcome.of(List.of(arguments));
  }

  @Test
  void certifiesTheLastParametersAndSaysHow() throws IOException {
    Outcome outcome = demo("certified");
    assertEquals(0, outcome.status(), outcome.err());
    for (String part :
        List.of(
            "Certified at step 4:",
            "lambda_min  ",
            "with 99 %; NEGATIVE (",
            "certified in float64)",
            "over 4 parts of 6 images: mean",
            "off the whole",
            "with 95 %",
            "noise scale",
            "in all the work of")) {
      assertTrue(outcome.out().contains(part), part + " in " + outcome.out());
    }
    JsonNode json =
        new ObjectMapper()
            .readTree(temporary.resolve("certified").resolve("run.json").toFile())
            .get("certified");
    double min = json.get("lambda_min").get("value").asDouble();
    assertTrue(json.get("lambda_min").get("bound_99").asDouble() <= min);
    assertTrue(json.get("lambda_max").get("bound_99").asDouble() >= min);
    assertTrue(json.get("verdict").asText().startsWith("NEGATIVE"));
    assertEquals(4, json.get("parts").get("trace").size());
    assertTrue(json.get("trace_95").get(0).asDouble() < json.get("trace").asDouble());
  }

  private Outcome demo(String folder, String... more) {
    String[] fixed = {
      "demo",
      "--steps",
      "4",
      "--every",
      "2",
      "--lanczos",
      "6",
      "--probes",
      "3",
      "--subset",
      "24",
      "--out",
      temporary.resolve(folder).toString()
    };
    return run(Stream.concat(Arrays.stream(fixed), Arrays.stream(more)).toArray(String[]::new));
  }

  private static final List<String> MEASURED =
      List.of(
          "preconditioned_lambda_max",
          "preconditioned_lambda_max_residual",
          "sharpness_ratio",
          "directional_curvature_ratio",
          "batch_sharpness_ratio",
          "critical_rate_ratio",
          "oscillation",
          "decoupling_ratio",
          "validation_loss",
          "validation_accuracy",
          "gradient_variance",
          "lambda_min",
          "lambda_min_residual",
          "lambda_max",
          "lambda_max_residual",
          "trace",
          "trace_error",
          "attention_entropy",
          "attention_heads_sparse",
          "snapshot_seconds");

  private List<String> metrics(String folder) throws IOException {
    return Files.readAllLines(temporary.resolve(folder).resolve("metrics.csv"));
  }

  @Test
  void writesWholeRunFolders() throws IOException {
    Outcome outcome = demo("a", "--no-certify");
    assertEquals(0, outcome.status(), outcome.err());
    List<String> lines = metrics("a");
    List<String> columns = new ArrayList<>(List.of(lines.getFirst().split(",")));
    columns.retainAll(List.of(COLUMNS.split(",")));
    assertEquals(COLUMNS, String.join(",", columns));
    List<Map<String, String>> rows = MetricsRows.of(temporary.resolve("a"));
    assertEquals(5, rows.size());
    for (int i = 0; i < rows.size(); i++) {
      Map<String, String> row = rows.get(i);
      assertEquals(i, Integer.parseInt(row.get("step")));
      boolean measured = i % 2 == 0;
      for (String column : MEASURED) {
        assertEquals(!measured, row.get(column).isEmpty(), "row " + i + " column " + column);
      }
      assertTrue(Double.parseDouble(row.get("loss")) > 0);
      if (measured) {
        assertTrue(row.get("attention_heads_sparse").matches("\\d+"), row.toString());
        assertTrue(
            Double.parseDouble(row.get("lambda_min")) < Double.parseDouble(row.get("lambda_max")));
      }
    }
    assertTrue(rows.getLast().get("learning_rate").isEmpty(), "no update after the last row");
    JsonNode json =
        new ObjectMapper().readTree(temporary.resolve("a").resolve("run.json").toFile());
    assertEquals("completed", json.get("status").asText());
    assertEquals(1, json.get("settings").get("seed").asInt());
    assertEquals(24, json.get("settings").get("subset").asInt());
    assertTrue(json.get("backend").asText().startsWith("cpu"));
    assertTrue(json.get("hardware").get("java").asText().contains("25"));
    assertTrue(outcome.out().contains("lambda_min (resid.)"), outcome.out());
    assertTrue(outcome.out().contains("Validation accuracy"), outcome.out());
    assertFalse(outcome.out().contains("\u001b"), "no control characters without a terminal");
  }

  @ParameterizedTest
  @ValueSource(strings = {"mlp", "cnn", "gru", "lm"})
  void trainsEveryFamily(String arch) throws IOException {
    Outcome outcome = demo(arch, "--arch", arch, "--no-certify");
    assertEquals(0, outcome.status(), outcome.err());
    List<Map<String, String>> rows = MetricsRows.of(temporary.resolve(arch));
    assertEquals(5, rows.size());
    double first = Double.parseDouble(rows.getFirst().get("validation_loss"));
    double last = Double.parseDouble(rows.getLast().get("validation_loss"));
    assertTrue(last < first, "validation loss " + first + " -> " + last);
    JsonNode json =
        new ObjectMapper().readTree(temporary.resolve(arch).resolve("run.json").toFile());
    assertEquals(arch, json.get("settings").get("arch").asText());
    String noun = arch.equals("lm") ? "passages" : "images";
    assertTrue(json.get("training_" + noun).asInt() > 1000);
  }

  @Test
  void sameSeedSameNumbersForAnyThreads() throws IOException {
    demo("one", "--threads", "1", "--no-certify");
    demo("two", "--threads", "2", "--no-certify");
    demo("other", "--seed", "2", "--no-certify");
    List<String> one = MetricsRows.withoutTimes(temporary.resolve("one"));
    assertEquals(one, MetricsRows.withoutTimes(temporary.resolve("two")));
    assertFalse(one.equals(MetricsRows.withoutTimes(temporary.resolve("other"))));
  }

  private static void refused(Outcome outcome, String message) {
    assertEquals(2, outcome.status());
    assertTrue(outcome.err().contains(message), outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  @Test
  void refusesWhatDoesNotFit() throws IOException {
    refused(run("demo", "--steps", "0"), "--steps: found 0, expected from 1 to");
    refused(run("demo", "--probes", "1"), "--probes: found 1, expected from 2 to 1000000");
    refused(run("demo", "--threads", "0"), "--threads: found 0, expected from 1 to");
    refused(run("demo", "--subset", "20000"), "--subset: found 20000");
    refused(run("demo", "--lanczos", "2000000000"), "--lanczos: found 2000000000, expected from 1");
    refused(run("demo", "--preset", "huge"), "huge");
    refused(run("demo", "--arch", "lm", "--data", "."), "--data: found . for --arch lm");
    refused(run("demo", "--every", "x"), "found 'x', expected a whole number");
    refused(run("demo", "--data", temporary.resolve("none").toString()), "found no such folder");
    Files.writeString(temporary.resolve("file"), "");
    refused(run("demo", "--out", temporary.resolve("file").toString()), "found a file at");
    refused(run("dmo"), "dmo");
    demo("c");
    refused(demo("c"), "--out: found an earlier run");
  }

  @Test
  void helpNamesEveryOption() {
    Outcome outcome = run("demo", "--help");
    assertEquals(0, outcome.status());
    for (String option :
        "preset arch steps every lanczos probes subset data out seed threads".split(" ")) {
      assertTrue(outcome.out().contains("--" + option), option);
    }
    assertTrue(run("--version").out().startsWith("dynaxx "));
    assertTrue(run().out().contains("demo"));
  }
}
