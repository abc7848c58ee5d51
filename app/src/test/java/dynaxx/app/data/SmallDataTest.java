package dynaxx.app.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import org.junit.jupiter.api.Test;

class SmallDataTest {

  @Test
  void eachPixelIsTheMeanOfASquare() {
    ImageDataset large = FashionMnist.embedded().train();
    SmallImages small = SmallImages.of(large, 3, 4);
    assertEquals(3, small.count());
    assertEquals(49, small.inputSize());
    try (Scope scope = Scope.open()) {
      HostBuffer inputs = scope.allocate(2 * 49);
      HostBuffer targets = scope.allocate(2);
      small.write(new int[] {2, 1}, inputs, targets);
      assertEquals(large.label(2), targets.get(0));
      assertEquals(large.label(1), targets.get(1));
      for (int row = 0; row < 7; row++) {
        for (int column = 0; column < 7; column++) {
          double sum = 0;
          for (int i = 0; i < 16; i++) {
            sum += large.pixel(2, (4 * row + i / 4) * 28 + 4 * column + i % 4);
          }
          double expected = (sum / 16 / 255 - 0.2860) / 0.3530;
          assertEquals(expected, inputs.get(7 * row + column), 1e-5);
        }
      }
    }
  }

  @Test
  void tokensAreTheNumbersThatAreAdded() {
    ModularAddition pairs = ModularAddition.split(7, 0.6, 3)[0];
    TokenSums sums = new TokenSums(pairs);
    assertEquals(pairs.count(), sums.count());
    int[] indices = {0, 5, 28};
    try (Scope scope = Scope.open()) {
      HostBuffer tokens = scope.allocate(6);
      HostBuffer targets = scope.allocate(3);
      HostBuffer hot = scope.allocate(3 * 14);
      HostBuffer same = scope.allocate(3);
      sums.write(indices, tokens, targets);
      pairs.write(indices, hot, same);
      assertArrayEquals(same.toArray(), targets.toArray());
      for (int i = 0; i < 3; i++) {
        assertEquals(targets.get(i), (tokens.get(2 * i) + tokens.get(2 * i + 1)) % 7);
        assertEquals(1, hot.get(14 * i + (int) tokens.get(2 * i)));
        assertEquals(1, hot.get(14 * i + 7 + (int) tokens.get(2 * i + 1)));
      }
    }
  }
}
