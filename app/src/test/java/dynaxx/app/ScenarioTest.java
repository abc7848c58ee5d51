package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.app.data.ModularAddition;
import dynaxx.app.data.OneHot;
import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScenarioTest {

  @TempDir private Path temporary;

  private static Outcome run(String... arguments) {
    return Outcome.of(List.of(arguments));
  }

  /** Training from far beyond the limit lands below it (Lewkowycz et al., 2020). */
  @Test
  void aCatapultIsSeenAndCanBeReplayed() throws IOException {
    Path folder = temporary.resolve("catapult");
    Outcome outcome = run("demo", "--scenario", "catapult", "--out", folder.toString());
    assertEquals(0, outcome.status(), outcome.err());
    JsonNode json = new ObjectMapper().readTree(folder.resolve("run.json").toFile());
    assertEquals(1, json.at("/calibrated/counts/CATAPULT").asInt(), outcome.out());
    assertTrue(json.at("/article/counts").isEmpty(), outcome.out());
    assertTrue(outcome.out().contains("Known: sharpness began at"), outcome.out());
    assertEquals(61, Files.readAllLines(folder.resolve("metrics.csv")).size());
    Outcome replayed = run("replay", folder.toString());
    assertTrue(replayed.out().contains(",CATAPULT,lambda_max,"), replayed.out());
    assertEquals(
        noticed(folder),
        replayed.out().lines().map(line -> line.split(",")).map(f -> f[0] + " " + f[1]).toList());
  }

  /** Steps and kinds of the events that were noticed while it trained. */
  private static List<String> noticed(Path folder) throws IOException {
    List<String> found = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("metrics.csv"))) {
      String[] fields = line.split(",", -1);
      String kinds = fields[fields.length - 1];
      if (!kinds.isEmpty() && !kinds.equals("event")) {
        Stream.of(kinds.split(" ")).forEach(kind -> found.add(fields[0] + " " + kind));
      }
    }
    return found;
  }

  @Test
  void refusesOptionsThatAScenarioFixes() {
    Outcome outcome = run("demo", "--scenario", "spike", "--steps", "5");
    assertEquals(2, outcome.status());
    assertTrue(outcome.err().contains("--scenario: found --steps as well"), outcome.err());
    assertTrue(run("demo", "--scenario", "flood").err().contains("edge-of-stability"));
  }

  @Test
  void sumsModuloAPrime() {
    ModularAddition[] sets = ModularAddition.split(7, 0.6, 3);
    assertEquals(29, sets[0].count());
    assertEquals(20, sets[1].count());
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(2 * 14);
      HostBuffer sums = scope.allocate(2);
      sets[1].write(new int[] {4, 5}, values, sums);
      int sum = 0;
      int ones = 0;
      for (int i = 0; i < 14; i++) {
        if (values.get(14 + i) == 1) {
          sum += i % 7;
          ones++;
        }
      }
      assertEquals(2, ones);
      assertEquals(sum % 7, sums.get(1));
    }
  }

  @Test
  void oneHotTargetsOfThePairs() {
    Examples pairs = ModularAddition.split(7, 0.6, 3)[1];
    OneHot hot = new OneHot(pairs, 7);
    assertEquals(pairs.count(), hot.count());
    assertEquals(7, hot.targetSize());
    int[] indices = {4, 5, 0};
    try (Scope scope = Scope.open()) {
      HostBuffer inputs = scope.allocate(3 * 14);
      HostBuffer sums = scope.allocate(3);
      HostBuffer targets = scope.allocate(3 * 7);
      pairs.write(indices, inputs, sums);
      float[] expected = inputs.toArray();
      targets.segment().fill((byte) 0x7F);
      hot.write(indices, inputs, targets);
      assertArrayEquals(expected, inputs.toArray());
      for (int i = 0; i < 3; i++) {
        for (int c = 0; c < 7; c++) {
          assertEquals(c == sums.get(i) ? 1 : 0, targets.get(7L * i + c));
        }
      }
    }
  }

  /** Two metrics files in which the same signals move, with steps of another length. */
  private Path metrics(String name, int every, double factor) throws IOException {
    java.util.Random random = new java.util.Random(every);
    StringBuilder text = new StringBuilder("step,trace,gradient_variance,lambda_max\n");
    for (int i = 0; i < 110; i++) {
      double f = i < 80 ? 1 : factor;
      text.append(i * every)
          .append(',')
          .append(300 * f * Math.exp(0.05 * random.nextGaussian()))
          .append(',')
          .append(2 * f * Math.exp(0.05 * random.nextGaussian()))
          .append(',')
          .append(50 * Math.exp(0.05 * random.nextGaussian()))
          .append('\n');
    }
    return Files.writeString(temporary.resolve(name), text);
  }

  @Test
  void profilesAreKeptListedAndCompared() throws IOException {
    String profiles = temporary.resolve("profiles").toString();
    String first = metrics("first.csv", 10, 1.5).toString();
    Outcome saved = run("profile", "save", first, "--name", "mine", "--profiles", profiles);
    assertEquals(0, saved.status(), saved.err());
    assertTrue(saved.out().contains("Kept 1 transitions in"), saved.out());
    Outcome again = run("profile", "save", first, "--name", "mine", "--profiles", profiles);
    assertEquals(2, again.status());
    assertTrue(again.err().contains("--force replaces it"), again.err());
    assertEquals(
        0,
        run("profile", "save", first, "--name", "mine", "--force", "--profiles", profiles)
            .status());
    Outcome list = run("profile", "list", "--profiles", profiles);
    assertTrue(list.out().contains("mine                     1 transitions"), list.out());
    for (String shipped : List.of("vit-small", "mlp-edge-of-stability", "mlp-grokking")) {
      assertTrue(list.out().contains(shipped + " "), list.out());
    }

    String second = metrics("second.csv", 170, 1.5).toString();
    Outcome same = run("profile", "compare", second, "--profiles", profiles);
    assertTrue(same.out().contains("TRANSITION, moved: gradient_variance +"), same.out());
    assertTrue(likeness(same) > 0.9, same.out());
    Outcome other =
        run(
            "profile",
            "compare",
            metrics("third.csv", 10, 1 / 1.5).toString(),
            "--profiles",
            profiles);
    assertTrue(!other.out().contains("mine") || likeness(other) < 0, other.out());

    assertTrue(
        run("profile", "save", first, "--name", "../x", "--profiles", profiles)
            .err()
            .contains("--name: found '../x', expected letters"));
    Path file = Path.of(profiles, "mine.json");
    String text = Files.readString(file);
    for (String[] bad :
        List.of(
            new String[] {text.replace("\"version\" : 1", "\"version\" : 9"), "found version 9"},
            new String[] {"{}", "found no profile"},
            new String[] {text.substring(0, 99), "found no profile that can be read"})) {
      Files.writeString(file, bad[0]);
      Outcome refused = run("profile", "list", "--profiles", profiles);
      assertEquals(2, refused.status(), refused.out());
      assertTrue(refused.err().contains(bad[1]), refused.err());
      assertFalse(refused.err().contains("\tat "), refused.err());
    }
  }

  private static double likeness(Outcome outcome) {
    return outcome
        .out()
        .lines()
        .filter(line -> line.contains("mine"))
        .mapToDouble(line -> Double.parseDouble(line.strip().split(" ")[0]))
        .max()
        .orElseThrow();
  }
}
