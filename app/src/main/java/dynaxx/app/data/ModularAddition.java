package dynaxx.app.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;

/** Sums modulo p: two numbers as one-hot vectors, and their sum as the class. */
public final class ModularAddition implements Examples {

  private final int modulus;
  private final int[] pairs;

  private ModularAddition(int modulus, int[] pairs) {
    this.modulus = modulus;
    this.pairs = pairs;
  }

  /**
   * All pairs, shuffled and cut in two.
   *
   * @param modulus p
   * @param fraction of the pairs that are for training
   * @param seed of the shuffle
   * @return training and validation
   */
  public static ModularAddition[] split(int modulus, double fraction, long seed) {
    int[] all = new int[modulus * modulus];
    Random random = new Random(seed);
    for (int i = 0; i < all.length; i++) {
      int j = random.nextInt(i + 1);
      all[i] = all[j];
      all[j] = i;
    }
    int cut = (int) Math.round(fraction * all.length);
    return new ModularAddition[] {
      new ModularAddition(modulus, Arrays.copyOf(all, cut)),
      new ModularAddition(modulus, Arrays.copyOfRange(all, cut, all.length))
    };
  }

  @Override
  public int count() {
    return pairs.length;
  }

  @Override
  public int inputSize() {
    return 2 * modulus;
  }

  @Override
  public int classes() {
    return modulus;
  }

  @Override
  public int label(int index) {
    return (pairs[index] / modulus + pairs[index] % modulus) % modulus;
  }

  @Override
  public void write(int[] indices, MemorySegment to) {
    to.fill((byte) 0);
    for (int i = 0; i < indices.length; i++) {
      long at = (long) i * inputSize();
      int pair = pairs[indices[i]];
      to.setAtIndex(ValueLayout.JAVA_FLOAT, at + pair / modulus, 1);
      to.setAtIndex(ValueLayout.JAVA_FLOAT, at + modulus + pair % modulus, 1);
    }
  }
}
