package dynaxx.app.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.corpus.Specification.OptimizerKind;
import dynaxx.app.io.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ActingTest {

  /** One at a quarter of the limit, one far beyond it. */
  private static final List<Specification> PAIRS =
      List.of(
          Runs.specification(0, Family.PERCEPTRON, Fault.NONE, -1, 25),
          tooFast(Runs.specification(1, Family.GRU, Fault.NONE, -1, 25)));

  private static final List<Specification> FAULTS =
      List.of(Runs.specification(2, Family.PERCEPTRON, Fault.BATCH, 8, 25));

  @TempDir private static Path shared;
  @TempDir private Path temporary;

  private static Specification tooFast(Specification run) {
    return new Specification(
        run.index(),
        run.seed(),
        run.family(),
        run.variant(),
        run.squaredErrors(),
        run.examples(),
        run.batch(),
        OptimizerKind.MOMENTUM,
        8,
        0,
        run.fault(),
        run.faultAt(),
        run.steps(),
        run.every());
  }

  @BeforeAll
  static void make() throws Exception {
    new Acting(shared).make(PAIRS, FAULTS, 2, line -> {});
  }

  private static List<String> names(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static void assertSame(Path one, Path other) throws IOException {
    assertEquals(names(one), names(other));
    for (String name : names(one)) {
      assertArrayEquals(
          Files.readAllBytes(one.resolve(name)), Files.readAllBytes(other.resolve(name)), name);
    }
  }

  @Test
  void sameBitsOnAnyNumberOfThreads() throws Exception {
    new Acting(temporary).make(PAIRS, FAULTS, 1, line -> {});
    assertEquals(3, names(shared).size());
    assertSame(shared, temporary);
  }

  /** What is there is not touched; what was being written when it was killed is made again. */
  @Test
  void goesOnAfterItWasKilled() throws Exception {
    List<String> all = names(shared);
    FileTime old = FileTime.fromMillis(0);
    Files.copy(shared.resolve(all.get(1)), temporary.resolve(all.get(1)));
    Files.setLastModifiedTime(temporary.resolve(all.get(1)), old);
    List<String> told = new ArrayList<>();
    new Acting(temporary).make(PAIRS, FAULTS, 2, told::add);
    assertEquals(3, told.size());
    assertEquals(old, Files.getLastModifiedTime(temporary.resolve(all.get(1))));
    assertSame(shared, temporary);
  }

  @Test
  void refusesTheTrainingsOfAnotherSeed() throws Exception {
    Path file = shared.resolve(names(shared).get(1));
    Files.copy(file, temporary.resolve(file.getFileName()));
    List<Specification> others =
        List.of(Runs.specification(0, Family.PERCEPTRON, Fault.NONE, -1, 26));
    UserException refused =
        assertThrows(
            UserException.class,
            () -> new Acting(temporary).make(others, List.of(), 1, line -> {}));
    assertTrue(refused.getMessage().contains("found the run Specification[index=0"));
  }

  /** All arms begin at the same parameters; only those with snapshots cost more. */
  @Test
  void armsArePairedAndCharged() throws Exception {
    Acting.Results results = new Acting(shared).results(PAIRS, FAULTS);
    for (Acting.Pair pair : results.pairs()) {
      assertEquals(Arm.values().length, pair.traces().size());
      double first = pair.traces().getFirst().curve().getFirst().loss();
      for (ArmRun.Trace trace : pair.traces()) {
        assertEquals(first, trace.curve().getFirst().loss());
        boolean watched = trace.arm().policy(pair.specification().optimizer().limit()).isPresent();
        assertEquals(watched, trace.work() > trace.steps(), trace.toString());
      }
    }
    Acting.Pair fast = results.pairs().get(1);
    ArmRun.Trace held = ActingReport.trace(fast, Arm.STABILISE);
    assertTrue(held.leastFactor() < 0.5, "the policy acts: " + held.leastFactor());
    assertEquals(1, ActingReport.trace(fast, Arm.NONE).leastFactor());
  }

  /** The checkpoint is of before the fault, so both branches begin where nothing was wrong. */
  @Test
  void goingBackUndoesTheFault() throws Exception {
    Reversal.Result result = new Acting(shared).results(PAIRS, FAULTS).reversals().getFirst();
    assertTrue(Double.isFinite(result.takenBack().loss()));
    assertTrue(result.takenBack().loss() < result.before().loss(), result.toString());
    assertTrue(result.goneOn().loss() != result.takenBack().loss());
  }

  @Test
  void thePlanHasEachCombinationAndKeepsTheHalvesApart() {
    List<Specification> plan = Acting.plan(1, 90, false);
    Set<String> combinations = new HashSet<>();
    for (Specification run : plan) {
      combinations.add(run.family() + " " + run.ratio() + " " + run.optimizer());
      assertTrue(!run.tuning() && run.fault() == Fault.NONE);
    }
    assertEquals(90, combinations.size());
    assertTrue(Acting.plan(1, 90, true).stream().allMatch(Specification::tuning));
    List<Specification> faults = Acting.faults(1, 45, false);
    assertEquals(3, faults.stream().map(Specification::fault).distinct().count());
    assertTrue(faults.stream().allMatch(run -> run.ratio() <= 0.5 && run.fault().injected()));
  }
}
