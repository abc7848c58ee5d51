package dynaxx.app.train;

import java.util.Random;

/**
 * An endless sequence of examples: each epoch is a new permutation that depends only on the seed
 * and its number.
 */
final class Shuffle {

  private final int[] order;
  private final long seed;
  private long epoch = -1;
  private int position;

  Shuffle(int count, long seed) {
    this.order = new int[count];
    this.seed = seed;
    this.position = count;
  }

  /** Examples taken since the beginning: all that there is to remember. */
  long taken() {
    return epoch < 0 ? 0 : epoch * order.length + position;
  }

  /** Goes to where so many examples have been taken. */
  void seek(long taken) {
    epoch = -1;
    position = order.length;
    if (taken > 0) {
      epoch = (taken - 1) / order.length - 1;
      begin();
      position = (int) (taken - epoch * order.length);
    }
  }

  int[] next(int count) {
    int[] taken = new int[count];
    for (int i = 0; i < count; i++) {
      if (position == order.length) {
        begin();
      }
      taken[i] = order[position++];
    }
    return taken;
  }

  private void begin() {
    epoch++;
    position = 0;
    System.arraycopy(permutation(order.length, seed, epoch), 0, order, 0, order.length);
  }

  /** Fisher-Yates. */
  static int[] permutation(int count, long seed, long stream) {
    Random random = new Random(seed * 0x9E3779B97F4A7C15L + stream);
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
