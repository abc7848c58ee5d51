package dynaxx.random;

/**
 * Philox4x32-10, a counter-based generator: any element of any probe is a pure function of (seed,
 * probe, element), so probes are never stored and every device makes the same ones.
 *
 * <p>Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
 */
public final class Philox {

  /** Number of signs that one counter gives. */
  public static final int SIGNS_PER_BLOCK = 128;

  private static final int ROUNDS = 10;
  private static final long M0 = 0xD2511F53L;
  private static final long M1 = 0xCD9E8D57L;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private Philox() {}

  /**
   * The ten-round bijection.
   *
   * @param counter four 32-bit words, replaced by four random words
   * @param key0 first key word
   * @param key1 second key word
   */
  public static void block(int[] counter, int key0, int key1) {
    int c0 = counter[0];
    int c1 = counter[1];
    int c2 = counter[2];
    int c3 = counter[3];
    for (int round = 0; round < ROUNDS; round++) {
      long p0 = M0 * (c0 & 0xFFFFFFFFL);
      long p1 = M1 * (c2 & 0xFFFFFFFFL);
      c0 = (int) (p1 >>> 32) ^ c1 ^ key0;
      c1 = (int) p1;
      c2 = (int) (p0 >>> 32) ^ c3 ^ key1;
      c3 = (int) p0;
      key0 += W0;
      key1 += W1;
    }
    counter[0] = c0;
    counter[1] = c1;
    counter[2] = c2;
    counter[3] = c3;
  }

  /**
   * The 128 random bits of one block of a stream. Counter words 0 and 1 are the block's index,
   * words 2 and 3 the stream's (low word first); the key is the seed (low word first).
   *
   * @param seed key
   * @param stream which independent stream, for example the probe
   * @param block which block of the stream
   * @param words receives four words
   */
  public static void words(long seed, long stream, long block, int[] words) {
    words[0] = (int) block;
    words[1] = (int) (block >>> 32);
    words[2] = (int) stream;
    words[3] = (int) (stream >>> 32);
    block(words, (int) seed, (int) (seed >>> 32));
  }

  /**
   * One element of a Rademacher probe: bit {@code j % 128} of block {@code j / 128}, bit 0 being
   * the lowest of word 0; a set bit means +1.
   *
   * @param seed key
   * @param probe stream
   * @param j element
   * @return +1 or -1
   */
  public static float sign(long seed, long probe, long j) {
    int[] words = new int[4];
    words(seed, probe, j / SIGNS_PER_BLOCK, words);
    int bit = (int) (j % SIGNS_PER_BLOCK);
    return (words[bit >>> 5] >>> (bit & 31) & 1) == 0 ? -1f : 1f;
  }
}
