package dynaxx.app.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.io.UserException;
import dynaxx.app.train.Trainer;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.RunningStatistics;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {

  private static final List<Specification> RUNS =
      List.of(
          Runs.specification(0, Family.PERCEPTRON, Fault.LABELS, 12, 25),
          Runs.specification(1, Family.CNN, Fault.FROZEN_STATISTICS, 6, 11),
          Runs.specification(2, Family.PERCEPTRON, Fault.LOSS_SCALE, 7, 11));

  @TempDir private static Path shared;
  @TempDir private Path temporary;

  @BeforeAll
  static void make() throws Exception {
    new Corpus(shared).make(RUNS, 2, line -> {});
  }

  /** A copy of what two threads made. */
  private Path copied(String name) throws IOException {
    Path folder = temporary.resolve(name);
    for (Specification run : RUNS) {
      Files.createDirectories(folder.resolve(run.name()));
      for (String file : List.of(Corpus.METRICS, Corpus.FACTS)) {
        Path from = shared.resolve(run.name()).resolve(file);
        Files.copy(from, folder.resolve(run.name()).resolve(file));
      }
    }
    return folder;
  }

  private static Path metrics(Path folder, int run) {
    return folder.resolve(RUNS.get(run).name()).resolve(Corpus.METRICS);
  }

  @Test
  void sameBitsOnAnyNumberOfThreads() throws Exception {
    Path one = temporary.resolve("one");
    new Corpus(one).make(RUNS, 1, line -> {});
    Path two = shared;
    for (int run = 0; run < RUNS.size(); run++) {
      assertArrayEquals(
          Files.readAllBytes(metrics(one, run)), Files.readAllBytes(metrics(two, run)));
    }
    Path first = temporary.resolve("first.zip");
    Path second = temporary.resolve("second.zip");
    Pack.write(new Corpus(one), first);
    Pack.write(new Corpus(two), second);
    assertArrayEquals(Files.readAllBytes(first), Files.readAllBytes(second));
  }

  /** A run without facts was interrupted; one with facts is not touched again. */
  @Test
  void goesOnAfterItWasKilled() throws Exception {
    Path folder = copied("killed");
    byte[] complete = Files.readAllBytes(metrics(folder, 0));
    Path facts = metrics(folder, 0).resolveSibling(Corpus.FACTS);
    Files.delete(facts);
    Files.writeString(metrics(folder, 0), "step,loss\n0,");
    FileTime old = FileTime.fromMillis(0);
    Files.setLastModifiedTime(metrics(folder, 2), old);
    List<String> told = new ArrayList<>();
    new Corpus(folder).make(RUNS, 2, told::add);
    assertEquals(3, told.size());
    assertArrayEquals(complete, Files.readAllBytes(metrics(folder, 0)));
    assertEquals(old, Files.getLastModifiedTime(metrics(folder, 2)));
    assertTrue(Files.exists(facts));
  }

  @Test
  void refusesTheRunsOfAnotherCorpus() throws Exception {
    Path folder = copied("other");
    Specification another = Runs.specification(0, Family.PERCEPTRON, Fault.NONE, -1, 25);
    UserException refused =
        assertThrows(
            UserException.class, () -> new Corpus(folder).make(List.of(another), 1, line -> {}));
    assertTrue(refused.getMessage().contains("found the run Specification[index=0"));
  }

  @Test
  void packsAndReadsBack() throws Exception {
    Path file = temporary.resolve("corpus.zip");
    assertEquals(3, Pack.write(new Corpus(shared), file));
    List<Pack.Run> runs = Pack.read(file);
    assertEquals(RUNS, runs.stream().map(Pack.Run::specification).toList());
    CorpusRun.Result again = CorpusRun.make(RUNS.get(0));
    assertEquals(again.facts(), runs.get(0).facts());
    Pack.Run exact = new Pack.Run(again.facts(), again.observations());
    for (Signal signal : List.of(Signal.LOSS, Signal.LAMBDA_MAX, Signal.LEARNING_RATE)) {
      double[] values = exact.values(signal);
      double[] packed = runs.get(0).values(signal);
      assertEquals(values.length, packed.length);
      for (int i = 0; i < values.length; i++) {
        double tolerance = Double.isNaN(values[i]) ? 0 : 1e-6 * Math.abs(values[i]);
        assertEquals(values[i], packed[i], tolerance, signal + " at " + i);
      }
    }
    assertThrows(UserException.class, () -> Pack.read(temporary.resolve("none.zip")));
    Path broken = Files.writeString(temporary.resolve("broken.zip"), "no archive");
    assertThrows(UserException.class, () -> Pack.read(broken));
  }

  /** The gradient that overflows is told as NaN, and its update is skipped. */
  @Test
  void aSkippedUpdateLeavesTheNetworkAsItWas() {
    Pack.Run skipped = made(Fault.LOSS_SCALE, 7);
    double[] norms = skipped.values(Signal.GRADIENT_NORM);
    assertTrue(Double.isNaN(norms[7]));
    assertTrue(Double.isFinite(norms[8]));
    double[] losses = skipped.losses();
    double[] others = made(Fault.NONE, -1).losses();
    assertEquals(others[7], losses[7]);
    assertNotEquals(others[8], losses[8]);
  }

  private static Pack.Run made(Fault fault, int at) {
    CorpusRun.Result result =
        CorpusRun.make(Runs.specification(2, Family.PERCEPTRON, fault, at, 10));
    return new Pack.Run(result.facts(), result.observations());
  }

  /** On all examples, constants that were measured there change nothing but rounding. */
  @Test
  void frozenStatisticsAreThoseOfTheBatch() {
    Specification run = Runs.specification(1, Family.CNN, Fault.NONE, -1, 20);
    Family.Task task = run.family().task(run);
    try (Device device = Devices.cpu(1);
        Trainer trainer =
            new Trainer(
                task.network(),
                task.loss(),
                task.training(),
                task.training().count(),
                run.optimizer().fresh(),
                device,
                run.seed())) {
      trainer.evaluate();
      trainer.update(0.1);
      double before = trainer.evaluate().loss();
      Map<String, RunningStatistics> statistics =
          FrozenStatistics.of(task, trainer.parameters(), device, run.seed());
      trainer.replaceNetwork(Family.cnn(0).batchNorm(statistics::get).build());
      assertEquals(before, trainer.evaluate().loss(), 1e-5 * before);
    }
  }

  @Test
  void statisticsOfValuesByHand() {
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(8).put(new float[] {1, 3, 10, 10, 5, 7, 10, 14});
      RunningStatistics found = FrozenStatistics.statistics(values, 2, 2);
      // Channel 0: 1, 3, 5, 7; channel 1: 10, 10, 10, 14.
      assertEquals(4, found.mean(0));
      assertEquals(5, found.variance(0));
      assertEquals(11, found.mean(1));
      assertEquals(3, found.variance(1));
    }
  }

  /** The default corpus, without making it. */
  @Test
  void thePlanHasEnoughOfEverything() {
    List<Specification> plan = Corpus.plan(1, 320, null);
    assertEquals(plan, Corpus.plan(1, 320, null));
    for (Family family : Family.values()) {
      assertEquals(64, plan.stream().filter(run -> run.family() == family).count());
    }
    Map<Fault, Long> faults =
        plan.stream().collect(Collectors.groupingBy(Specification::fault, Collectors.counting()));
    Map<Fault, Set<Boolean>> halves =
        plan.stream()
            .collect(
                Collectors.groupingBy(
                    Specification::fault,
                    Collectors.mapping(Specification::tuning, Collectors.toSet())));
    for (Fault fault : EnumSet.allOf(Fault.class)) {
      assertTrue(faults.get(fault) >= 10, fault + ": " + faults.get(fault));
      assertEquals(2, halves.get(fault).size(), fault + " in both halves");
    }
    assertEquals(160, plan.stream().filter(Specification::tuning).count());
    assertTrue(
        plan.stream()
            .filter(run -> run.fault() == Fault.FROZEN_STATISTICS)
            .allMatch(run -> run.family() == Family.CNN));
    assertEquals(64, Corpus.plan(1, 320, Family.GRU).size());
  }
}
