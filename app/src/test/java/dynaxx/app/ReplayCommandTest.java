package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.app.run.StepRow;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplayCommandTest {

  @TempDir private Path temporary;

  private static Outcome run(String... arguments) {
    return Outcome.of(List.of(arguments));
  }

  private Outcome replay(String text, String... more) throws IOException {
    Path file = Files.writeString(temporary.resolve("metrics.csv"), text);
    String[] fixed = {"replay", file.toString()};
    return run(Stream.concat(Arrays.stream(fixed), Arrays.stream(more)).toArray(String[]::new));
  }

  /** Two signals that jump at snapshot 60; a small deterministic ripple stands for noise. */
  private static String jump() {
    StringBuilder text = new StringBuilder("step,loss,trace,trace_error,lambda_max\n");
    for (int i = 0; i < 80; i++) {
      double factor = i < 60 ? 1 : 2;
      double ripple = 1 + 0.02 * Math.sin(i * i);
      double other = 1 + 0.02 * Math.cos(1.3 * i * i);
      text.append(
          String.format(
              Locale.ROOT,
              "%d,%.6g,%.6g,1,%.6g%n",
              10 * i,
              1.5 + 0.01 * Math.sin(0.7 * i * i),
              factor * 100 * ripple,
              factor * 10 * other));
    }
    return text.toString();
  }

  @Test
  void printsEventsAsCsv() throws IOException {
    Outcome outcome = replay(jump());
    assertEquals(0, outcome.status(), outcome.err());
    assertEquals("", outcome.err());
    try (CSVParser parser = CSVParser.parse(outcome.out(), CSVFormat.RFC4180)) {
      CSVRecord event = parser.getRecords().getFirst();
      assertEquals(5, event.size());
      assertTrue(Long.parseLong(event.get(0)) >= 600 && Long.parseLong(event.get(0)) <= 630);
      assertEquals("TRANSITION", event.get(1));
      assertTrue(Double.parseDouble(event.get(3)) > 0.9, event.get(3));
      assertTrue(
          event.get(4).contains("trace has been above its trend since step 600 and is 1"),
          event.get(4));
    }
    assertEquals(1, outcome.out().lines().count(), outcome.out());
  }

  @Test
  void printsEventsAsJsonLines() throws IOException {
    Outcome outcome = replay(jump(), "--json");
    assertEquals(0, outcome.status(), outcome.err());
    JsonNode event = new ObjectMapper().readTree(outcome.out().lines().findFirst().orElseThrow());
    assertEquals("TRANSITION", event.get("kind").asText());
    assertEquals(600, event.get("since").asLong());
    double baseline = event.get("baseline").asDouble();
    assertTrue(event.get("value").asDouble() > 1.8 * baseline, outcome.out());
    assertTrue(event.get("uncertainty").asDouble() > 0);
  }

  @Test
  void articleRulesAreChosenByName() throws IOException {
    StringBuilder text = new StringBuilder("step,lambda_min\n");
    for (int i = 0; i < 60; i++) {
      text.append(10 * i).append(',').append(i < 30 ? 1 : -1).append('\n');
    }
    Outcome outcome = replay(text.toString(), "--rules", "article");
    assertEquals(0, outcome.status());
    assertEquals(1, outcome.out().lines().count(), outcome.out());
    assertTrue(outcome.out().startsWith("420,TRANSITION,lambda_min,0.500,"), outcome.out());
    assertTrue(outcome.out().contains("\"lambda_min, averaged over 5 snapshots, crossed zero"));
    Outcome careful = replay(text.toString(), "--rules", "article", "--non-smooth");
    assertTrue(careful.out().startsWith("520,TRANSITION"), careful.out());
  }

  @Test
  void nothingHappenedIsNoFailure() throws IOException {
    Outcome outcome = replay("step,loss\n0,1\n1,1\n");
    assertEquals(0, outcome.status());
    assertEquals("", outcome.out());
    assertTrue(
        outcome.err().contains("no events in 2 steps, 0 of them with a snapshot"), outcome.err());
  }

  @Test
  void badRowsAreReportedWithTheirLineAndTheRestIsUsed() throws IOException {
    String text =
        "\uFEFFstep, loss ,lambda_min,lambda_min_residual,event\r\n"
            + "0,1.0,-1,0.1,\r\n"
            + "1,abc,-1,0.1,\r\n"
            + "2,1.0,-1\r\n"
            + "x,1.0,-1,0.1,\r\n"
            + ",1.0,-1,0.1,\r\n"
            + "1,1.0,-1,0.1,\r\n"
            + "1.5,1.0,-1,0.1,\r\n"
            + "-3,1.0,-1,0.1,\r\n"
            + "5,1.0,-1,-0.1,\r\n"
            + "6,1.0,\"-1,0.1,\r\n"
            + "\r\n"
            + "7,NaN,-1,0.1,\r\n"
            + "8,1.0,-inf,0.1,\r\n"
            + "9,1.0,-1,0.1,restart\r\n";
    Outcome outcome = replay(text);
    assertEquals(0, outcome.status(), outcome.err());
    for (String problem :
        new String[] {
          "line 3: loss: found 'abc', expected a number; not used",
          "line 4: found 3 fields, expected 5; row left out",
          "metrics.csv: line 5: step: found 'x', expected a whole number from 0 to"
              + " 9007199254740992",
          "line 6: step: found nothing, expected a whole number",
          "line 7: step: found 1, expected a step after 1; row left out",
          "line 8: step: found '1.5', expected a whole number",
          "line 9: step: found '-3', expected a whole number",
          "line 10: lambda_min_residual: found -0.1, expected at least 0; not used",
          "line 11: not valid CSV; row left out",
          "line 13: loss: found NaN; not used",
          "line 14: lambda_min: found -inf; not used"
        }) {
      assertTrue(outcome.err().contains(problem), problem + "\n" + outcome.err());
    }
    assertEquals(
        "7,NOT_FINITE,loss,1.000,loss is NaN; it is not used\n"
            + "8,NOT_FINITE,lambda_min,1.000,lambda_min is -Infinity; it is not used\n",
        outcome.out().lines().limit(2).map(line -> line + "\n").reduce("", String::concat));
    assertTrue(outcome.out().contains("9,RESTART,"), outcome.out());
  }

  @Test
  void manyProblemsAreCounted() throws IOException {
    StringBuilder text = new StringBuilder("step,loss\n0,1\n");
    text.repeat("1\n", 30);
    Outcome outcome = replay(text.toString());
    assertTrue(outcome.err().contains("and 10 more like these"), outcome.err());
  }

  private static void refused(Outcome outcome, String message) {
    assertEquals(2, outcome.status(), outcome.err());
    assertTrue(outcome.err().contains(message), outcome.err());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  @Test
  void refusesWhatIsNoMetricsFile() throws IOException {
    refused(run("replay"), "METRICS");
    refused(run("replay", temporary.resolve("none.csv").toString()), "found no such file");
    refused(run("replay", temporary.toString()), "found no such file");
    refused(replay(""), "found no header line");
    refused(replay("step,loss\n"), "found no usable row");
    refused(replay("step,loss\nx,y\n"), "found no usable row");
    refused(replay("a,b\n1,2\n"), "line 1: found columns a, b; expected a column step among them");
    refused(
        replay("step,b\n1,2\n"),
        "line 1: found columns step, b; expected step and at least one of loss,");
    refused(replay("step,step,loss\n1,2,3\n"), "found column step twice");
    refused(replay("step,loss\n1,2\n", "--rules", "none"), "none");
    refused(replay("step,loss\n1,2\n", "--momentum", "1"), "--momentum: found 1.0");
    refused(replay("step,loss\n1,2\n", "--depth", "-1"), "--depth: found -1");
    Path binary = temporary.resolve("binary");
    Files.write(binary, "\u0000\u00ff\"\u0001".getBytes(StandardCharsets.ISO_8859_1));
    refused(run("replay", binary.toString()), "found columns ?\uFFFD");
  }

  @Test
  void readsTheColumnsThatRunsWrite() throws IOException {
    String header = StepRow.format(Map.of()).header();
    int columns = header.split(",").length;
    String measured =
        IntStream.range(1, columns - 1)
            .mapToObj(i -> "," + 0.5 * i)
            .collect(Collectors.joining("", "0", ",\n"));
    String empty = "1" + ",".repeat(columns - 1) + "\n";
    Path folder = Files.createDirectory(temporary.resolve("run"));
    Files.writeString(folder.resolve("metrics.csv"), header + "\n" + measured + empty);
    for (String rules : new String[] {"article", "calibrated"}) {
      Outcome outcome = run("replay", folder.toString(), "--rules", rules);
      assertEquals(0, outcome.status(), outcome.err());
      String judged = rules.equals("calibrated") ? "; curvature is judged from snapshot 25 on" : "";
      assertEquals(
          "dynaxx: no events in 2 steps, 1 of them with a snapshot, by the "
              + rules
              + " rules"
              + judged,
          outcome.err().strip());
    }
  }

  /** Training went back to an earlier checkpoint; the first row after it cannot be used. */
  @Test
  void stepsMayGoBackAfterARestart() throws IOException {
    Outcome outcome = replay("step,loss,event\n8,1,\n9,1,\nx,1,RESTART\n5,1,\n6,1,\n6,1,\n");
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(outcome.out().startsWith("5,RESTART,"), outcome.out());
    assertTrue(
        outcome.err().contains("line 4: step: found 'x', expected a whole number"), outcome.err());
    assertTrue(
        outcome.err().contains("line 7: step: found 6, expected a step after 6"), outcome.err());
  }
}
