package dynaxx.cuda;

import dynaxx.cuda.KernelTraffic.Launch;
import java.util.Arrays;
import java.util.List;

/**
 * What a device was asked to do, from the lines that the emulator counts.
 *
 * @param launches kernels, products, copies and fills
 * @param submitted by the host: of these, those outside of graphs, and each graph once
 * @param products matrix products of cuBLAS among them
 * @param waits of the host for the device
 * @param flop operations of the products
 * @param bytes that have to move between processors and memory if every launch reads and writes
 *     each element once
 * @param seconds sum over the launches of the longer of the two, by a card's rates; neither a
 *     launch nor a wait takes any
 */
record Counts(
    int launches,
    int submitted,
    int products,
    int waits,
    double flop,
    double bytes,
    double seconds) {

  private static final Counts NOTHING = new Counts(0, 0, 0, 0, 0, 0, 0);

  /**
   * What a card's data sheet says.
   *
   * @param flops operations of a product a second
   * @param bytesPerSecond of its memory
   */
  record Card(double flops, double bytesPerSecond) {

    /** NVIDIA H200 SXM: 67 TFLOP/s in float32, 4.8 TB/s. */
    static final Card H200 = new Card(67e12, 4.8e12);

    /** The same with TF32 on tensor cores, dense: half of the 989 TFLOP/s with sparsity. */
    static final Card H200_TF32 = new Card(494.5e12, 4.8e12);
  }

  static Counts of(List<String> lines, Card card) {
    Counts sum = NOTHING;
    Launch members = null;
    boolean graph = false;
    for (String line : lines) {
      String[] fields = line.split("\\|", -1);
      int before = sum.launches;
      switch (fields[0]) {
        case "kernel" -> {
          Launch launch = launch(fields);
          members = launch.kernel().equals("gemm_members") ? launch : members;
          sum = sum.plus(launch, card);
        }
        case "product" -> sum = sum.plus(product(fields, members), card);
        case "copy" -> sum = sum.plus(0, 0, 2 * Double.parseDouble(fields[1]), card);
        case "fill" -> sum = sum.plus(0, 0, Double.parseDouble(fields[1]), card);
        case "wait" -> sum = sum.waiting();
        case "graph" -> graph = true;
        case "graph end" -> {
          graph = false;
          sum = sum.submitting();
        }
        default -> {}
      }
      boolean launched = sum.launches > before;
      sum = launched && !graph ? sum.submitting() : sum;
    }
    return sum;
  }

  private record Product(double flop, double bytes) {}

  private Counts plus(Product product, Card card) {
    return plus(1, product.flop, product.bytes, card);
  }

  /** Kernels compute in float32, whatever the precision of products by cuBLAS. */
  private Counts plus(Launch launch, Card card) {
    Card own = new Card(Card.H200.flops(), card.bytesPerSecond());
    return plus(0, KernelTraffic.flop(launch), KernelTraffic.bytes(launch), own);
  }

  private Counts plus(int more, double moreFlop, double moreBytes, Card card) {
    double time = Math.max(moreFlop / card.flops(), moreBytes / card.bytesPerSecond());
    return new Counts(
        launches + 1,
        submitted,
        products + more,
        waits,
        flop + moreFlop,
        bytes + moreBytes,
        seconds + time);
  }

  private Counts waiting() {
    return new Counts(launches, submitted, products, waits + 1, flop, bytes, seconds);
  }

  private Counts submitting() {
    return new Counts(launches, submitted + 1, products, waits, flop, bytes, seconds);
  }

  /** A kernel's launch from its line. */
  static Launch launch(String[] fields) {
    long[] grid = numbers(fields[2], " ");
    long[][] arguments =
        Arrays.stream(fields[4].split(" ")).map(a -> numbers(a, ",")).toArray(long[][]::new);
    return new Launch(fields[1], grid[0], grid[1], arguments);
  }

  /** Bytes that a kernel has read and written, where it was run. */
  static long touched(String[] fields) {
    return Arrays.stream(numbers(fields[3], " ")).sum();
  }

  private static long[] numbers(String text, String separator) {
    return Arrays.stream(text.split(separator)).mapToLong(Long::parseLong).toArray();
  }

  private static Product product(String[] fields, Launch members) {
    long[] sizes = numbers(fields[1], " ");
    long m = sizes[2];
    long n = sizes[3];
    long depth = sizes[4];
    long count = sizes[5];
    long[] steps = numbers(fields[2], " ");
    // the factors change places on the way to cuBLAS
    long left = steps[0] >= 0 ? distinct(steps[0], count) : distinct(members, 6, count);
    long right = steps[0] >= 0 ? distinct(steps[1], count) : distinct(members, 4, count);
    long[] rest = numbers(fields[3], " ");
    double elements =
        (double) left * m * depth
            + (double) right * depth * n
            + (double) count * m * n * (1 + rest[0]);
    return new Product(2.0 * m * n * depth * count, elements * rest[1]);
  }

  private static long distinct(long step, long count) {
    return step == 0 ? 1 : count;
  }

  /** Members of a factor that lie at addresses of their own, from the launch that lists them. */
  private static long distinct(Launch members, int layout, long count) {
    long distinct = 1;
    for (int along = 0; along < 3; along++) {
      distinct *= members.wide(layout, 4 + 2 * along) == 0 ? 1 : members.at(along);
    }
    return Math.min(distinct, count);
  }
}
