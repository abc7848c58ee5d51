package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.plan.CostFile;
import dynaxx.cost.CostModel;
import dynaxx.cost.CostModel.Timing;
import dynaxx.cost.TransformerCost;
import dynaxx.cost.TransformerShape;
import dynaxx.cost.Work;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class PlanCommandTest {

  @TempDir private Path cache;

  private record Outcome(int status, String out, String err) {}

  @BeforeEach
  void ownCache() {
    System.setProperty(CostFile.PROPERTY, cache.toString());
  }

  @AfterEach
  void usersCache() {
    System.clearProperty(CostFile.PROPERTY);
  }

  private static Outcome plan(String options) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    int status = line.execute(("plan " + options).split(" "));
    return new Outcome(status, out.toString(), err.toString());
  }

  /** 100 GFLOP/s and nothing else costs. */
  private static CostModel model() {
    List<Timing> timings = new ArrayList<>();
    for (long parameters : new long[] {1_000_000, 10_000_000}) {
      TransformerCost cost = new TransformerCost(TransformerShape.of(parameters, 197));
      for (Work work : List.of(cost.gradient(4), cost.product(4, 1), cost.form(4, 8))) {
        timings.add(new Timing("t", cost.shape().parameters(), work, 1e-11 * work.flop()));
      }
    }
    return CostModel.fit(timings);
  }

  private static Path calibrated(Map<String, Object> machine) throws IOException {
    CostFile file = CostFile.of("cpu");
    file.write(
        new CostFile.Costs(model(), "some device", 1L << 34), machine, Map.of("date", "today"));
    return file.path();
  }

  @Test
  void withoutTimesItSaysWhatToDo() {
    Outcome outcome = plan("--parameters 350M");
    assertEquals(2, outcome.status());
    assertEquals(1, outcome.err().lines().count(), outcome.err());
    assertTrue(outcome.err().contains("expected the costs of this machine"), outcome.err());
    assertTrue(outcome.err().contains("./dynaxx plan --calibrate"), outcome.err());
    assertEquals("", outcome.out());
  }

  @Test
  void aDeviceThatWasNotTimedNeedsTheTimeOfAStep() {
    assertEquals(2, plan("--parameters 350M --device cuda").status());
    Outcome outcome = plan("--parameters 350M --device cuda --step-ms 400");
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(outcome.out().contains("step     400 ms for a batch of 256 (as given)"));
    assertTrue(outcome.out().contains("not measured"), outcome.out());
    // 38 gradients' work and 4 % for vectors, in steps of one: 5 % allow 19 times as many.
    String whole = outcome.out().lines().filter(l -> l.contains("over 256 ex")).findFirst().get();
    long interval = Long.parseLong(whole.replaceAll(".*every (\\d+) steps.*", "$1"));
    assertEquals(19 * 38.3, interval, 10, outcome.out());
  }

  @Test
  void aModelLikeThoseTimedIsInterpolatedAndALargerOneExtrapolated() throws IOException {
    calibrated(PlanCommand.machine());
    Outcome inside = plan("--parameters 5M --batch 8");
    assertEquals(0, inside.status(), inside.err());
    assertTrue(inside.out().contains("interpolated between times of this machine"), inside.out());
    assertFalse(inside.out().contains("extrapolated"), inside.out());
    assertTrue(inside.out().contains("device   cpu: some device"), inside.out());
    Outcome beyond = plan("--parameters 350M --batch 8 --budget 1");
    // 34 times the parameters, and more in operations
    assertTrue(beyond.out().matches("(?s).*extrapolated, [3-9]\\d(\\.\\d)? times beyond.*"));
    assertTrue(beyond.out().contains("15 Lanczos steps, 8 probes over 8 examples"), beyond.out());
  }

  @Test
  void aTighterBudgetMeasuresLess() throws IOException {
    calibrated(PlanCommand.machine());
    String rich = plan("--parameters 5M --batch 256 --budget 0.5").out();
    String poor = plan("--parameters 5M --batch 256 --budget 0.01").out();
    assertTrue(rich.contains(": 15 Lanczos steps, 8 probes over 256 examples ("), rich);
    assertTrue(poor.matches("(?s).*snapshot .*: (10|4) Lanczos steps.*"), poor);
    assertTrue(poor.contains("nothing is known of its error"), poor);
  }

  @Test
  void aFileThatIsDamagedOrOfAnotherMachineIsRefusedInOneLine() throws IOException {
    Path file = calibrated(PlanCommand.machine());
    String whole = Files.readString(file);
    Map<String, String> damages = new LinkedHashMap<>();
    damages.put(whole.substring(0, whole.length() / 2), "found no JSON");
    damages.put("", "found no costs");
    damages.put("[1, 2]", "found no costs");
    damages.put("{\"format\": \"other\"}", "found no costs");
    damages.put(whole.replaceAll("\"seconds\" : \\S+", "\"seconds\" : -1"), "found seconds -1");
    damages.put(whole.replaceAll("\"flop\" : ", "\"flap\" : "), "found flop missing");
    damages.put(
        whole.replaceAll("(?s)\"timings\" : \\[.*\\]", "\"timings\" : []"), "found no timings");
    damages.put(
        whole.replaceAll("\"memory_limit\" : \\d+", "\"memory_limit\" : 0"), "memory_limit");
    damages.put(
        whole.replaceAll("\"processor\" : \"[^\"]*\"", "\"processor\" : \"other\""),
        "found costs of {\"processor\":\"other\"");
    for (Map.Entry<String, String> damage : damages.entrySet()) {
      Files.writeString(file, damage.getKey());
      Outcome outcome = plan("--parameters 5M --step-ms 3");
      assertEquals(2, outcome.status(), damage.getValue() + outcome.out());
      assertEquals(1, outcome.err().lines().count(), outcome.err());
      assertTrue(outcome.err().contains(damage.getValue()), outcome.err());
      assertTrue(outcome.err().contains(file.toString()), outcome.err());
    }
  }
}
