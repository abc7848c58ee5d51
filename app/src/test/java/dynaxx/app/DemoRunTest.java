package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dynaxx.app.run.Checkpoints;
import dynaxx.app.run.RunFolder;
import dynaxx.app.run.StepRow;
import dynaxx.app.train.Checkpoint;
import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Trainer;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.monitor.Advice;
import dynaxx.monitor.Policy;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.spectrum.CurvatureProbe;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** A policy that goes back, and what a run that is cut afterwards goes on from. */
class DemoRunTest {

  private static final DemoRun.Settings PLAN =
      new DemoRun.Settings(30, 10, 10, 4, 2, 16, false, false, 1);

  @TempDir private Path temporary;

  /** Goes back from step 17 to the checkpoint of step 8, once, with half the rate. */
  private static final class Once implements Policy {
    private final long cut;
    private boolean done;

    Once(long cut) {
      this.cut = cut;
    }

    @Override
    public List<Advice> decide(Situation situation) {
      long step = situation.observation().step();
      if (done && step == cut) {
        throw new IllegalStateException("cut");
      }
      if (step == 8 && !done) {
        return List.of(new Advice.Checkpoint("before"));
      }
      if (step == 17 && !done) {
        return List.of(new Advice.Revert(8, "harm"), new Advice.LearningRate(0.005, 0.5, "slower"));
      }
      return List.of();
    }

    @Override
    public void restarted(long step) {
      done = true;
    }
  }

  private float[] run(Path folder, Policy policy, boolean resume) throws IOException {
    TrainingOptions options = new TrainingOptions();
    new CommandLine(new Options(options))
        .parseArgs("--checkpoint-every", "3", "--schedule", "constant");
    Arch.Data data = Arch.MLP.data(null);
    Network network = Arch.MLP.network(Preset.QUICK, data);
    Preset.Training training = Arch.MLP.training(Preset.QUICK);
    try (Device device = Devices.open("cpu", 1);
        Scope scope = Scope.open();
        Trainer trainer =
            new Trainer(
                network, data.train(), training.batch(), options.optimizer(training), device, 1)) {
      Batch batch =
          ExampleBatch.subset(scope, network, trainer.loss(), data.train(), PLAN.subset(), 1);
      Checkpoints checkpoints = new Checkpoints(folder, "test");
      Checkpoint.Run from = resume ? checkpoints.load(trainer, Long.MAX_VALUE) : null;
      try (CurvatureProbe probe = new CurvatureProbe(network, trainer.loss(), batch, device);
          RunFolder open =
              resume
                  ? RunFolder.resume(folder, Map.of())
                  : RunFolder.create(
                      folder, StepRow.format(CurvatureProbe.layers(network)), Map.of());
          DemoReport report = new DemoReport(PLAN.steps(), new PrintWriter(Writer.nullWriter()));
          DemoRun run =
              DemoRun.start(
                  new DemoRun.Parts(
                      PLAN,
                      training,
                      options,
                      policy,
                      trainer,
                      data,
                      probe,
                      open,
                      checkpoints,
                      List.of()),
                  report,
                  from)) {
        run.run();
        return trainer.parameters().toArray();
      }
    }
  }

  /** What picocli fills in. */
  @CommandLine.Command
  private record Options(@CommandLine.Mixin TrainingOptions training) {}

  private static List<Integer> steps(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("checkpoints"))) {
      return files
          .map(f -> Integer.parseInt(f.getFileName().toString().replaceAll("\\D", "")))
          .sorted()
          .toList();
    }
  }

  private static List<String> rows(Path folder) throws IOException {
    return MetricsRows.of(folder).stream()
        .map(
            row ->
                Stream.of("step", "loss", "learning_rate", "gradient_norm", "event")
                    .map(row::get)
                    .collect(Collectors.joining(" ")))
        .toList();
  }

  @Test
  void aRunCutAfterGoingBackGoesOnOnTheNewCourse() throws IOException {
    Path whole = temporary.resolve("whole");
    float[] expected = run(whole, new Once(-1), false);
    List<String> rows = rows(whole);
    assertEquals(18 + 22, rows.size());
    assertEquals("17", rows.get(17).split(" ")[0]);
    assertEquals("9", rows.get(18).split(" ")[0]);
    assertEquals("RESTART", rows.get(18).split(" ")[4]);

    for (int cut : new int[] {9, 10, 13, 20}) {
      Path folder = temporary.resolve("cut" + cut);
      assertEquals(
          "cut",
          assertThrows(IllegalStateException.class, () -> run(folder, new Once(cut), false))
              .getMessage());
      int newest = steps(folder).getLast();
      assertEquals(Math.max(9, cut / 3 * 3), newest, steps(folder).toString());
      assertArrayEquals(expected, run(folder, new Once(-1), true));
      assertEquals(rows, rows(folder));
    }
  }
}
