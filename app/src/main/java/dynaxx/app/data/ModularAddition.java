package dynaxx.app.data;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
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
  public long inputSize() {
    return 2L * modulus;
  }

  @Override
  public long targetSize() {
    return 1;
  }

  @Override
  public void write(int[] indices, HostBuffer inputs, HostBuffer targets) {
    inputs.segment().fill((byte) 0);
    for (int i = 0; i < indices.length; i++) {
      long at = i * inputSize();
      int first = pairs[indices[i]] / modulus;
      int second = pairs[indices[i]] % modulus;
      inputs.set(at + first, 1);
      inputs.set(at + modulus + second, 1);
      targets.set(i, (first + second) % modulus);
    }
  }
}
