package dynaxx.app.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class ProgressLineTest {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  private String text() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private void await(Predicate<String> wanted) throws InterruptedException {
    for (int i = 0; i < 1000 && !wanted.test(text()); i++) {
      Thread.sleep(20);
    }
    assertTrue(wanted.test(text()), text());
  }

  @Test
  void saysWhatIsDoneHowFarItIsAndHowLongItMayTake() throws Exception {
    try (ProgressLine line = ProgressLine.on(out, 100, Duration.ZERO)) {
      line.expect(2);
      line.stage("reading the model");
      await(text -> text.matches("(?s).*1/2 reading the model, \\d+ s so far.*"));
      line.stage("reading the model");
      line.stage("trace", "probe", 32);
      line.to(8);
      await(text -> text.matches("(?s).*2/2 trace, probe 8 of 32, about \\d+ s left.*"));
      line.note("residual 1e-3");
      line.left(7200);
      await(text -> text.contains("probe 8 of 32, residual 1e-3, about 2 h left"));
      int before = text().length();
      line.aside(() -> out.print("result\n"));
      assertTrue(text().indexOf("\r\u001b[Kresult\n", before) >= 0, text().substring(before));
    }
    assertTrue(text().endsWith("\r\u001b[K"), "the line is gone at the end");
  }

  @Test
  void aResumedStageCountsOnlyItsOwnTime() throws Exception {
    try (ProgressLine line = ProgressLine.on(out, 100, Duration.ZERO)) {
      line.stage("training", "step", 1000);
      line.from(900);
      line.to(900);
      await(text -> text.contains("training, step 900 of 1,000, 1 s so far"));
    }
  }

  @Test
  void neverWrapsTheTerminal() throws Exception {
    try (ProgressLine line = ProgressLine.on(out, 30, Duration.ZERO)) {
      line.stage("a very long name of something that is being done", "step", 100);
      await(text -> text.contains("a very long"));
    }
    for (String drawn : text().split("\r")) {
      assertTrue(drawn.replace("\u001b[K", "").length() < 30, drawn);
    }
  }

  @Test
  void shortCommandsAndFilesSeeNothingOfIt() throws Exception {
    try (ProgressLine line = ProgressLine.on(out, 80, Duration.ofMinutes(1));
        ProgressLine silent = ProgressLine.silent()) {
      for (ProgressLine each : List.of(line, silent)) {
        each.stage("training", "step", 10);
        each.to(5);
        each.aside(() -> {});
        Thread.sleep(500);
      }
    }
    assertEquals("", text());
  }

  private static ExtremeEigenvalue extreme(double value, double residual) {
    return new ExtremeEigenvalue(
        value, OptionalDouble.of(residual), OptionalDouble.of(value), 0, false);
  }

  @Test
  void showsTheResidualThatHasToFallMost() throws Exception {
    try (ProgressLine line = ProgressLine.on(out, 120, Duration.ZERO)) {
      LanczosProgress shown = new LanczosProgress(line, "Hessian");
      shown.begin(400);
      shown.accept(
          new Lanczos.Progress(
              8, 400, 1e-3, Optional.of(extreme(-2, 0.5)), Optional.of(extreme(100, 0.1))));
      await(
          text ->
              text.contains(
                  "Hessian, Lanczos step 8 of 400, lambda_min -2.00 with residual 5e-01, expected"
                      + " 2e-03, about "));
    }
  }

  @Test
  void extrapolatesAGeometricFall() {
    List<double[]> history = new ArrayList<>();
    for (int step = 1; step <= 20; step++) {
      history.add(new double[] {step, Math.log(1e4) - 0.2 * step});
    }
    double left = Math.log(1e4) / 0.2 - 20;
    assertEquals(left, LanczosProgress.stepsLeft(history, 20, 400), 1e-9);
    assertEquals(5, LanczosProgress.stepsLeft(history, 20, 25), 1e-9);
    history.replaceAll(point -> new double[] {point[0], 3});
    assertEquals(380, LanczosProgress.stepsLeft(history, 20, 400), 1e-9);
  }
}
