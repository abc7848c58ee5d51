package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files with random damage: they are read or refused with the documented exception, within bounded
 * memory. {@code -Ddynaxx.fuzz.seconds=600} makes it long.
 */
class FuzzTest {

  private static final int SHORT_ROUNDS = 3_000;

  /** Heap that reading a damaged file of a few kilobytes may hold on to. */
  private static final long MOST_BYTES = 1L << 30;

  @TempDir private Path folder;

  @Test
  void damagedFilesAreReadOrRefused() throws IOException {
    long seconds = Long.getLong("dynaxx.fuzz.seconds", 0);
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    long seed = Long.getLong("dynaxx.fuzz.seed", 1);
    List<byte[]> corpus = corpus();
    Path file = folder.resolve("damaged.onnx");
    int read = 0;
    int rounds = 0;
    while (seconds > 0 ? System.nanoTime() < end : rounds < SHORT_ROUNDS) {
      Random random = new Random(seed * 1_000_003 + rounds);
      byte[] damaged = damage(corpus.get(random.nextInt(corpus.size())), corpus, random);
      Files.write(file, damaged);
      rounds++;
      read += reads(file, damaged, seed, rounds) ? 1 : 0;
      if (rounds % 500 == 0) {
        requireMemory(rounds);
      }
    }
    System.out.println("fuzz: " + rounds + " damaged files, " + read + " of them read");
    assertTrue(read < rounds, "damage that does none");
  }

  private static List<byte[]> corpus() throws IOException {
    List<byte[]> corpus = new ArrayList<>();
    Models.all().values().forEach(m -> corpus.add(m.bytes()));
    for (String name : List.of("mlp-tanh", "cnn-relu", "gru")) {
      corpus.add(Files.readAllBytes(Cases.model(name)));
    }
    return corpus;
  }

  private static boolean reads(Path file, byte[] damaged, long seed, int round) {
    try {
      OnnxModel.read(file);
      return true;
    } catch (OnnxException e) {
      assertTrue(e.getMessage() != null && e.getMessage().startsWith(file.toString()));
      return false;
    } catch (Throwable e) {
      StackTraceElement[] trace = e.getStackTrace();
      return fail(
          "seed "
              + seed
              + ", round "
              + round
              + ", "
              + damaged.length
              + " bytes: "
              + e
              + " at "
              + Arrays.asList(trace).subList(0, Math.min(6, trace.length)));
    }
  }

  private static void requireMemory(int rounds) {
    Runtime runtime = Runtime.getRuntime();
    if (runtime.totalMemory() - runtime.freeMemory() > MOST_BYTES) {
      System.gc();
      long held = runtime.totalMemory() - runtime.freeMemory();
      assertTrue(held < MOST_BYTES, held + " bytes held after " + rounds);
    }
  }

  private static byte[] damage(byte[] whole, List<byte[]> corpus, Random random) {
    byte[] bytes = whole.clone();
    int count = 1 + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      // Structure lies in front and behind, weights between them.
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(7)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xFF : 0);
        case 3 -> bytes[at] += (byte) (random.nextInt(5) - 2);
        case 4 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
        case 5 -> bytes = without(bytes, at, 1 + random.nextInt(8));
        default -> {
          byte[] other = corpus.get(random.nextInt(corpus.size()));
          int length = Math.min(1 + random.nextInt(24), other.length);
          bytes = inserted(bytes, at, other, random.nextInt(other.length - length + 1), length);
        }
      }
    }
    return bytes;
  }

  private static byte[] without(byte[] bytes, int at, int length) {
    int end = Math.min(bytes.length, at + length);
    byte[] rest = new byte[Math.max(1, bytes.length - (end - at))];
    System.arraycopy(bytes, 0, rest, 0, Math.min(at, rest.length));
    System.arraycopy(bytes, end, rest, at, Math.min(bytes.length - end, rest.length - at));
    return rest;
  }

  private static byte[] inserted(byte[] bytes, int at, byte[] other, int from, int length) {
    byte[] more = new byte[bytes.length + length];
    System.arraycopy(bytes, 0, more, 0, at);
    System.arraycopy(other, from, more, at, length);
    System.arraycopy(bytes, at, more, at + length, bytes.length - at);
    return more;
  }
}
