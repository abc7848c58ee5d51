package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.network.Loss;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What constants fold to, by types and signs. */
class ConstantsTest {

  private static final int UINT8 = 2;
  private static final int BOOL = 9;

  @TempDir private Path folder;

  private static TestModel model(Function<TestModel, String> made) {
    TestModel m = new TestModel(18, 1).input(-1, 1);
    String zero = m.add("Mul", "x", m.weight("w", 1));
    String floats = m.add("Cast", made.apply(m), Map.of("to", 1));
    return m.output(m.add("Add", zero, m.add("Reshape", floats, m.ints(1))));
  }

  /** The number that a subgraph without inputs folds to. */
  private void folds(double expected, Function<TestModel, String> made) {
    OnnxModel read = OnnxModel.read(model(made).write(folder));
    double loss =
        Cases.loss(read, Loss.meanSquaredError(), new double[] {0}, new double[] {expected});
    assertEquals(0, loss, 1e-10 * expected * expected + 1e-20);
  }

  private void refused(String part, Function<TestModel, String> made) {
    Path file = model(made).write(folder);
    String message = assertThrows(OnnxException.class, () -> OnnxModel.read(file)).getMessage();
    assertTrue(message.contains(part), message);
  }

  private static String cast(TestModel m, String x, int type) {
    return m.add("Cast", x, Map.of("to", type));
  }

  @Test
  void remaindersHaveTheSignThatTheyAreAskedFor() {
    Map<String, Object> fmod = Map.of("fmod", 1);
    folds(2, m -> m.add("Mod", m.ints(-7), m.ints(3)));
    folds(-1, m -> m.add("Mod", m.ints(-7), m.ints(3), fmod));
    folds(1, m -> m.add("Mod", m.ints(7), m.ints(-3), fmod));
    folds(-1.5, m -> m.add("Mod", m.number(-7.5), m.number(3), fmod));
    refused("fmod 1 or whole numbers", m -> m.add("Mod", m.number(-7.5), m.number(3)));
  }

  @Test
  void powersAreOfTheTypeOfTheBase() {
    folds(5, m -> m.add("Pow", m.ints(2), m.number(2.5)));
    folds(3, m -> m.add("Div", m.add("Pow", m.ints(7), m.number(1)), m.ints(2)));
    folds(3.5, m -> m.add("Div", m.add("Pow", m.number(7), m.ints(1)), m.number(2)));
    refused("at most 2^53", m -> m.add("Pow", m.ints(10), m.ints(40)));
  }

  @Test
  void castsGoToTheRealType() {
    folds(1, m -> m.add("CastLike", m.number(2.5), cast(m, m.ints(0), BOOL)));
    folds(2, m -> m.add("CastLike", m.number(2.5), m.ints(0)));
    folds(2.5, m -> m.add("CastLike", m.number(2.5), m.number(0)));
    String outside = "found the number 300, expected one from 0 to 255 for type uint8";
    refused(outside, m -> m.add("CastLike", m.number(300), cast(m, m.ints(0), UINT8)));
    refused(outside, m -> cast(m, m.ints(300), UINT8));
    refused(outside, m -> m.add("Add", cast(m, m.ints(200), UINT8), cast(m, m.ints(100), UINT8)));
    refused("that an integer can hold", m -> cast(m, m.number(1e20), 7));
  }

  @Test
  void limitsThatCrossGiveTheUpperOne() {
    folds(2, m -> m.add("Clip", m.number(7), m.number(3), m.number(2)));
  }

  @Test
  void reductionsOfConstantsAreWhatTheySay() {
    folds(6, m -> m.add("ReduceL1", pair(m, -2, 4)));
    folds(5, m -> m.add("ReduceL2", pair(m, -3, 4)));
    folds(25, m -> m.add("ReduceSumSquare", pair(m, -3, 4)));
    folds(12, m -> m.add("ReduceSum", m.ints(5, 7)));
    folds(6, m -> m.add("ReduceMean", m.ints(5, 7)));
    folds(-12, m -> m.add("ReduceProd", pair(m, -3, 4)));
    folds(-3, m -> m.add("ReduceMin", pair(m, -3, 4)));
  }

  private static String pair(TestModel m, double... values) {
    TestModel.Array array = new TestModel.Array(new long[] {values.length}, values, false);
    return m.add("Constant", Map.of("value", array));
  }

  @Test
  void hugeTensorsOfOneValueTakeNoTime() {
    TestModel.Array two = new TestModel.Array(new long[] {1}, new double[] {2}, true);
    Map<String, Object> filled = Map.of("value", two);
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          folds(
              4e9,
              m -> m.add("ReduceSum", m.add("ConstantOfShape", m.ints(2_000_000_000), filled)));
          folds(
              2, m -> m.add("ReduceMax", m.add("ConstantOfShape", m.ints(2_000_000_000), filled)));
          refused(
              "overflow",
              m -> m.add("ReduceProd", m.add("ConstantOfShape", m.ints(2_000_000_000), filled)));
          long[] ones = new long[1_000_000];
          java.util.Arrays.fill(ones, 1);
          refused("axes, expected at most 64", m -> m.add("Expand", m.number(1), m.ints(ones)));
          refused("axes, expected at most 64", m -> m.add("Reshape", m.number(1), m.ints(ones)));
          refused("ConstantOfShape", m -> m.add("ConstantOfShape", m.ints(ones)));
        });
  }
}
