package dynaxx.app.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.cost.CostModel;
import dynaxx.cost.CostModel.Timing;
import dynaxx.cost.TransformerCost;
import dynaxx.cost.TransformerShape;
import dynaxx.cost.Work;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrationTest {

  @TempDir private Path folder;

  /** Work takes 1e-11 s an operation and 1e-5 s a launch, twice that in every other run. */
  @Test
  void whatIsTimedIsFittedKeptAndFoundAgain() throws IOException {
    long[] clock = {0};
    Calibration calibration = new Calibration(() -> clock[0], 36);
    List<Timing> timings = new ArrayList<>();
    for (long parameters : new long[] {500_000, 1_000_000, 3_000_000}) {
      TransformerCost cost = new TransformerCost(TransformerShape.of(parameters, 50));
      for (Work work : List.of(cost.gradient(4), cost.product(2, 1), cost.form(1, 8))) {
        int[] runs = {0};
        double seconds = 1e-11 * work.flop() + 1e-5 * work.launches();
        timings.add(
            calibration.time(
                new Calibration.Part(
                    "part",
                    parameters,
                    work,
                    () -> clock[0] += Math.round(1e9 * seconds * (1 + runs[0]++ % 2)))));
        assertTrue(runs[0] >= 3, "runs of a part: " + runs[0]);
      }
    }
    CostModel model = CostModel.fit(timings);
    assertEquals(1e-11, model.perFlop(), 1e-15);
    assertEquals(1e-5, model.perLaunch(), 1e-8);
    CostFile file = new CostFile(folder.resolve("new").resolve("costs.json"));
    Map<String, Object> machine = Map.of("processor", "p");
    CostFile.Costs costs = new CostFile.Costs(model, "device", 1000);
    file.write(costs, machine, Map.of());
    file.write(costs, machine, Map.of());
    assertEquals(costs, file.read(machine));
    assertEquals(1, file.path().getParent().toFile().list().length, "nothing half-written");
  }

  /** Every part once or thrice, on a clock that is always late. */
  @Test
  void realNetworksAreTimed() {
    long[] clock = {0};
    Set<String> names = new HashSet<>();
    try (Device device = Devices.open("cpu", 1)) {
      List<Timing> timings =
          new Calibration(() -> clock[0] += 1_000_000_000, 1).run(device, names::add);
      assertEquals(timings.size() + 1, names.size(), "the parts have different names");
      assertTrue(timings.stream().allMatch(t -> t.seconds() == 1), timings.toString());
      assertTrue(timings.stream().anyMatch(t -> t.parameters() > 10_000_000));
    }
  }
}
