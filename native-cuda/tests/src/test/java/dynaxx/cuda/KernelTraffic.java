package dynaxx.cuda;

import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * Bytes that a float32 kernel has to move between its processors and the device's memory, if caches
 * hold every array that a launch comes back to: what it reads and writes, each element once. By its
 * arguments; CountsTest compares with what kernels touch on the emulator.
 */
final class KernelTraffic {

  private static final long REAL = Float.BYTES;
  private static final long WIDE = Double.BYTES;

  private KernelTraffic() {}

  /**
   * A launch.
   *
   * @param kernel its name
   * @param x blocks along x
   * @param y blocks along y
   * @param arguments one array for each parameter: a number, or a struct's words of 32 bits
   */
  record Launch(String kernel, long x, long y, long[][] arguments) {

    /** An argument that is a number, an address, or 0 for a null pointer. */
    long at(int i) {
      return arguments[i][0];
    }

    /** 1 unless it is a null pointer. */
    long present(int i) {
      return at(i) == 0 ? 0 : 1;
    }

    /** A word of a struct. */
    long word(int i, int word) {
      return arguments[i][word];
    }

    /** Two words of a struct that are one number. */
    long wide(int i, int word) {
      return arguments[i][word] & 0xffffffffL | arguments[i][word + 1] << 32;
    }

    double number(int i) {
      return Double.longBitsToDouble(at(i));
    }
  }

  static long bytes(Launch l) {
    String family = l.kernel().substring(0, Math.max(0, l.kernel().indexOf('_')));
    return switch (family) {
      case "activation", "elementary" -> activation(l);
      case "elementwise" -> elementwise(l);
      case "norm" -> norm(l);
      case "softmax", "cross" -> softmax(l);
      case "attention" -> attention(l);
      case "rows" -> rows(l);
      case "gs" -> gramSchmidt(l);
      case "gemm" -> gemm(l);
      case "channel" -> channel(l);
      case "conv", "pool" -> image(l);
      case "strides" -> strides(l);
      default -> vector(l);
    };
  }

  private static long unknown(Launch l) {
    throw new IllegalArgumentException(
        "kernel " + l.kernel() + ": no count of its bytes, expected one in KernelTraffic");
  }

  private static long vector(Launch l) {
    return switch (l.kernel()) {
      case "fill" -> REAL * l.at(1);
      case "axpby" -> REAL * l.at(0) * (l.number(3) == 0 ? 2 : 3);
      case "pair_sums" -> REAL * l.at(0) * (l.at(1) == l.at(2) ? 1 : 2) + WIDE * l.x();
      case "combine" -> REAL * l.at(0) * (l.at(1) + 1);
      case "rademacher" -> REAL * l.at(2) * l.y();
      case "gaussian" -> REAL * l.at(2);
      case "probe_dots" -> REAL * l.at(3) * l.y();
      case "add_partials" -> WIDE * l.x() * (l.at(1) + 2);
      default -> unknown(l);
    };
  }

  private static long activation(Launch l) {
    String pass = l.kernel().substring(l.kernel().indexOf('_') + 1);
    long k = l.at(1);
    return switch (pass) {
      case "value" -> 2 * REAL * l.at(1);
      case "tangent" -> REAL * l.at(2) * (1 + k * (2 + l.at(6)));
      case "tangent_backward" -> REAL * l.at(2) * (2 + k * (3 + l.at(8)));
      // of ReLU, whose second derivative is 0 anywhere, the argument is not read
      case "curvature" -> REAL * l.at(2) * ((l.word(0, 0) == 0 ? 1 : 2) + k) + WIDE * k * l.x();
      default -> unknown(l);
    };
  }

  private static long elementwise(Launch l) {
    long k = l.y();
    return switch (l.kernel()) {
      case "elementwise_add" -> 3 * REAL * l.at(0);
      case "elementwise_multiply" -> REAL * l.at(1) * (1 + l.at(0) * (2 + l.at(5)));
      case "elementwise_dots" -> {
        long other = l.at(1) == l.at(3) ? 0 : l.at(2) == 0 ? 1 : k;
        yield REAL * l.at(0) * (k + other) + WIDE * k * l.x();
      }
      case "elementwise_triple_dots" -> REAL * l.at(0) * (1 + 2 * k) + WIDE * k * l.x();
      default -> unknown(l);
    };
  }

  private static long norm(Launch l) {
    if (l.kernel().equals("norm_add_gradients")) {
      return l.at(0) * l.y() * (WIDE * l.at(1) + 2 * REAL);
    }
    long rows = l.wide(0, 0);
    long cols = l.word(0, 4);
    long plane = REAL * rows * cols;
    long ends = 2 * REAL * rows + 2 * REAL * cols;
    return switch (l.kernel()) {
      case "norm_forward" -> 2 * plane + ends;
      case "norm_tangent" -> {
        long k = l.at(2);
        yield plane * (1 + k * (1 + l.present(6))) + ends + 2 * REAL * k * cols;
      }
      case "norm_curvature" -> plane * (2 + l.at(2)) + ends + WIDE * l.x();
      case "norm_backward" -> plane * (2 + l.present(6) * (1 + l.at(7))) + ends + sums(l, 1, cols);
      case "norm_tangent_backward" -> {
        long k = l.at(2);
        long each = 1 + l.present(7) + l.present(10) * (1 + l.at(11));
        yield plane * (2 + k * each) + ends + REAL * k * cols + sums(l, k, cols);
      }
      default -> unknown(l);
    };
  }

  /** Sums of gains and shifts that each block and group of a backward pass leaves. */
  private static long sums(Launch l, long k, long cols) {
    long groups = l.word(1, 4);
    return 2 * WIDE * (l.x() / k) * groups * cols * k;
  }

  /** Elements of Q, K or V, of each head, and numbers of each query. */
  private static long attention(Launch l) {
    long tokens = l.word(0, 0) * l.word(0, 1);
    long q = tokens * l.word(0, 2) * l.word(0, 3);
    long kv = tokens * l.word(0, 2) * l.word(0, 4);
    long numbers = tokens * l.word(0, 3);
    long k = l.y();
    long x = q + 2 * kv;
    return switch (l.kernel()) {
      case "attention_forward" -> REAL * (x + q + 2 * numbers);
      case "attention_backward_queries" -> REAL * (x + 3 * q + 3 * numbers + l.at(7) * q);
      case "attention_backward_keys" -> REAL * (x + q + 3 * numbers + 2 * kv + l.at(6) * 2 * kv);
      case "attention_tangent" -> REAL * (x + q + 2 * numbers + k * (x + q + numbers));
      case "attention_tangent_backward_queries" ->
          REAL * (x + q + 3 * numbers + k * (x + 2 * q + 2 * numbers + l.at(10) * q));
      case "attention_tangent_backward_keys" ->
          REAL * (x + q + 3 * numbers + k * (x + q + 2 * numbers + 2 * kv + l.at(10) * 2 * kv));
      case "attention_curvature" ->
          REAL * (x + q + 3 * numbers + k * (x + numbers)) + WIDE * l.x() * k;
      case "attention_entropy" -> REAL * (q + kv + 2 * numbers) + WIDE * l.x() * l.y();
      default -> unknown(l);
    };
  }

  /** Operations of the products inside a kernel, all in float32; none outside attention. */
  static double flop(Launch l) {
    if (!l.kernel().startsWith("attention_")) {
      return 0;
    }
    long tokens = l.word(0, 1);
    double pairs = l.word(0, 5) == 0 ? tokens * tokens : tokens * (tokens + 1) / 2.0;
    double product = 2 * pairs * l.word(0, 0) * l.word(0, 2) * l.word(0, 3);
    return switch (l.kernel()) {
      case "attention_forward" -> 2 * product;
      case "attention_backward_queries" -> 3 * product;
      case "attention_backward_keys" -> 4 * product;
      case "attention_tangent" -> 5 * product * l.y();
      case "attention_tangent_backward_queries" -> 9 * product * l.y();
      case "attention_tangent_backward_keys" -> 10 * product * l.y();
      case "attention_curvature" -> 6 * product * l.y();
      case "attention_entropy" -> product;
      default -> unknown(l);
    };
  }

  private static long softmax(Launch l) {
    return switch (l.kernel()) {
      case "softmax_forward" -> {
        long cols = l.at(2);
        yield REAL * l.at(1) * 2 * cols;
      }
      case "softmax_tangent" -> REAL * l.at(2) * l.at(3) * (1 + 2 * l.at(1));
      case "softmax_tangent_backward" -> REAL * l.at(2) * l.at(3) * (2 + 3 * l.at(1));
      case "softmax_curvature" -> REAL * l.at(2) * l.at(3) * (2 + l.at(1)) + WIDE * l.x();
      case "cross_entropy" -> 2 * REAL * l.at(1) * l.at(2);
      case "cross_entropy_backward" -> 2 * REAL * l.at(1) * l.at(2);
      case "cross_entropy_tangent" -> REAL * l.at(2) * l.at(3) * (1 + 2 * l.at(1));
      default -> unknown(l);
    };
  }

  private static long rows(Launch l) {
    return switch (l.kernel()) {
      case "rows_add_row" -> REAL * l.at(5) * l.y() * (l.at(4) * (1 + l.present(0)) + 1);
      case "rows_copy" -> REAL * l.at(4) * l.at(5) * (2 + l.at(8));
      case "rows_mean_backward" -> REAL * l.at(4) * (l.at(2) * (1 + l.at(7)) + l.at(2) / l.at(3));
      // as if all rows of the table were different ones
      case "rows_gather" -> REAL * l.at(4) * (1 + 2 * l.at(5) * l.y());
      case "rows_column_sums" -> {
        long chunks = l.at(5);
        long k = l.x() / (chunks * Math.ceilDiv(l.at(4), 32));
        long out = chunks > 1 ? WIDE * chunks : REAL * (1 + l.at(10));
        yield k * l.at(4) * (REAL * l.at(3) + out);
      }
      case "rows_finish_sums" -> l.at(1) * l.at(3) * (WIDE * l.at(2) + REAL * (1 + l.at(7)));
      case "rows_sort_tiles" -> l.at(1) * (REAL + WIDE);
      case "rows_merge" -> 2 * WIDE * l.at(2);
      case "rows_scatter" -> l.at(1) * (WIDE + 3 * REAL * l.at(2) * l.y());
      // as if every chunk went on into the next
      case "rows_scatter_joined" ->
          Math.ceilDiv(l.at(1), 128) * (3 * WIDE + l.y() * l.at(2) * 2 * (WIDE + REAL));
      case "rows_patches" -> REAL * l.at(2) * (2 + l.at(9));
      default -> unknown(l);
    };
  }

  private static long gramSchmidt(Launch l) {
    long runs = l.y();
    // of Runs: sixteen addresses, sixteen numbers of rows
    long rows = Arrays.stream(l.arguments()[0], 32, 48).sum();
    long sums = rows + runs;
    return switch (l.kernel()) {
      case "gs_dots" -> REAL * l.at(2) * sums + WIDE * l.x() * sums;
      case "gs_sum" -> WIDE * sums * (l.at(2) + 1);
      case "gs_subtract" -> REAL * l.at(2) * (sums + runs) + WIDE * l.x() * (runs + l.at(5) * rows);
      case "gs_append" -> 2 * REAL * l.at(2) * runs;
      default -> unknown(l);
    };
  }

  private static long gemm(Launch l) {
    return switch (l.kernel()) {
      case "gemm_prepare" -> {
        long rows = l.at(0) * l.at(2) * l.at(3) * l.at(4);
        long touched = l.number(5) == 0 ? 1 : 2;
        yield REAL * l.at(1) * (rows * touched + l.present(8) * (l.at(9) == 0 ? 1 : l.at(2)));
      }
      case "gemm_members" -> 3 * WIDE * l.at(0) * l.at(1) * l.at(2);
      case "gemm_split" -> {
        long matrices = l.at(4) / l.at(7);
        yield REAL * (matrices * l.at(5) * l.at(6) + l.at(4) * l.at(8) * l.at(13));
      }
      default -> unknown(l);
    };
  }

  // ---- images

  /** Elements of an array, and the sums of its owners, from a Shape of channelnorm.cu. */
  private record Planes(long elements, long sums, long units) {
    static Planes of(Launch l, int shape) {
      long planes = l.word(shape, 0) * l.word(shape, 1);
      long owners = l.word(shape, 4) == 0 ? planes : l.word(shape, 1);
      long units =
          switch ((int) l.word(shape, 4)) {
            case 0 -> l.word(shape, 0) * l.word(shape, 3);
            case 1 -> l.word(shape, 1);
            default -> planes;
          };
      return new Planes(REAL * planes * l.word(shape, 2), WIDE * owners * l.word(shape, 5), units);
    }
  }

  private static final int SUMS = 9;
  private static final int MEANS = 6;

  private static long channel(Launch l) {
    return switch (l.kernel()) {
      case "channel_moments" -> {
        Planes p = Planes.of(l, 2);
        yield p.elements + 3 * p.sums;
      }
      case "channel_statistics" -> 3 * Planes.of(l, 2).sums;
      case "channel_given" -> 2 * REAL * l.word(2, 0) * l.word(2, 1);
      case "channel_sums" -> {
        Planes p = Planes.of(l, 6);
        long k = l.at(7);
        long directions = k * (l.present(3) + l.present(4));
        yield p.elements * (1 + l.present(2) + directions) + SUMS * k * p.sums;
      }
      case "channel_means" -> {
        Planes p = Planes.of(l, 6);
        yield l.at(7) * (SUMS * p.sums + MEANS * WIDE * p.units);
      }
      case "channel_gradients" -> SUMS * l.at(8) * Planes.of(l, 7).sums;
      case "channel_curvature" -> SUMS * l.at(8) * Planes.of(l, 6).sums;
      case "channel_forward" -> 2 * Planes.of(l, 5).elements;
      case "channel_backward" -> (3 + l.at(10)) * Planes.of(l, 6).elements;
      case "channel_tangent" -> (1 + l.at(11) * (1 + l.present(4))) * Planes.of(l, 10).elements;
      case "channel_tangent_backward" ->
          (2 + l.at(11) * (2 + l.at(15) + l.present(5))) * Planes.of(l, 10).elements;
      default -> unknown(l);
    };
  }

  /** From a Shape of convolution.cu. */
  private record Window(long[] words) {
    private long channels() {
      return words[0];
    }

    long in() {
      return channels() * words[3] * words[4];
    }

    long columns() {
      return channels() * words[5] * words[6] * words[13] * words[14];
    }

    /** Of the columns, those that show a pixel and not what is around the image. */
    long filled() {
      return channels() * along(0).count() * along(1).count();
    }

    /** Pixels that are in some column. */
    long seen() {
      return channels() * along(0).distinct().count() * along(1).distinct().count();
    }

    /** Positions in the image that the windows' elements have along an axis. */
    private LongStream along(int axis) {
      return LongStream.range(0, words[5 + axis])
          .flatMap(
              i ->
                  LongStream.range(0, words[13 + axis])
                      .map(o -> o * words[7 + axis] - words[9 + axis] + i * words[11 + axis]))
          .filter(at -> at >= 0 && at < words[3 + axis]);
    }
  }

  private static long image(Launch l) {
    return switch (l.kernel()) {
      case "conv_columns" -> {
        Window w = new Window(l.arguments()[6]);
        yield REAL * (sources(l, 1) * w.seen() + images(l, 1) * w.columns());
      }
      case "conv_pixels" -> {
        Window w = new Window(l.arguments()[3]);
        yield REAL * images(l, 2) * (w.filled() + w.in() * (1 + l.at(4)));
      }
      case "conv_turn" -> REAL * (sources(l, 1) + images(l, 1)) * l.at(3) * l.at(4);
      case "conv_bias" -> REAL * l.at(3) * l.y() * (1 + l.at(7));
      case "conv_bias_sums" -> REAL * l.at(2) * l.at(3) * l.at(4) * l.y();
      case "conv_finish_sums" -> l.at(1) * l.y() * (WIDE * l.at(2) + 2 * REAL);
      case "pool_average" -> REAL * (l.at(2) + l.at(2) / places(l, 3) * plane(l, 3));
      case "pool_average_backward" ->
          REAL * (l.at(2) * (1 + l.at(5)) + l.at(2) / plane(l, 3) * places(l, 3));
      default -> unknown(l);
    };
  }

  /** Images that differ: directions may share them. */
  private static long sources(Launch l, int i) {
    return l.wide(i, 0) == 0 ? l.word(i, 3) : images(l, i);
  }

  /** Images of all directions, from an Images of convolution.cu. */
  private static long images(Launch l, int i) {
    return l.word(i, 3) * l.wide(i, 4);
  }

  /** Of a plane, and of its windows, from a Shape of pool.cu. */
  private static long plane(Launch l, int i) {
    return l.word(i, 0) * l.word(i, 5);
  }

  private static long places(Launch l, int i) {
    return l.word(i, 1) * l.word(i, 6);
  }

  private static long strides(Launch l) {
    return switch (l.kernel()) {
      case "strides_copy" -> REAL * l.at(2) * (l.at(4) == 0 ? 1 : 4) * (2 + l.at(5));
      case "strides_transpose" -> {
        long tiles = Math.ceilDiv(l.at(2), 32) * Math.ceilDiv(l.at(4), 32);
        yield REAL * l.x() / tiles * l.at(2) * l.at(4) * (2 + l.at(7));
      }
      case "strides_sum" -> {
        long chunks = l.at(6);
        long out = chunks > 1 ? WIDE * chunks : REAL * (1 + l.at(9));
        yield l.at(2) * (REAL * l.at(3) + out);
      }
      case "strides_compare" -> 3 * REAL * l.at(1);
      case "strides_select" ->
          REAL * l.at(0) * (1 + l.y() * (1 + l.at(6) + l.present(2) + l.present(3)));
      case "strides_finish" -> l.at(2) * (WIDE * l.at(1) + REAL * (1 + l.at(5)));
      default -> unknown(l);
    };
  }
}
