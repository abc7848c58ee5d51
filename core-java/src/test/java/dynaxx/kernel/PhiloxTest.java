package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.random.Philox;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds). */
@Tag("kernel")
class PhiloxTest {

  @Test
  void zeroCounterAndKey() {
    check(new int[] {0, 0, 0, 0}, 0, 0, new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  }

  @Test
  void allBitsSet() {
    check(
        new int[] {-1, -1, -1, -1},
        -1,
        -1,
        new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  }

  @Test
  void digitsOfPi() {
    check(
        new int[] {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
        0xa4093822,
        0x299f31d0,
        new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  }

  private static void check(int[] counter, int key0, int key1, int[] expected) {
    Philox.block(counter, key0, key1);
    assertArrayEquals(expected, counter);
  }

  @Test
  void wordsPutTheBlockLowAndTheStreamHigh() {
    int[] words = new int[4];
    Philox.words(0x299f31d0_a4093822L, 0x03707344_13198a2eL, 0x85a308d3_243f6a88L, words);
    assertArrayEquals(new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}, words);
  }

  @Test
  void signIsABitOfItsBlock() {
    int[] words = new int[4];
    Philox.words(7, 3, 2, words);
    for (int bit = 0; bit < 128; bit++) {
      float expected = (words[bit / 32] >>> bit % 32 & 1) == 1 ? 1 : -1;
      assertEquals(expected, Philox.sign(7, 3, 256 + bit));
    }
  }
}
