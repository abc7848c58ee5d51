package dynaxx.app.data;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import dynaxx.memory.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Files with random damage, some of them read by the name of an array or of columns: they are read
 * or refused with the documented exception, within bounded memory. {@code
 * -Ddynaxx.fuzz.seconds=600} makes it long, for each kind of file.
 */
class ArrayFuzzTest {

  private static final int SHORT_ROUNDS = 2_000;

  /** The most that deflate makes of a byte. */
  private static final int LARGEST_RATIO = 1_032;

  /** What reading a file of less than a kilobyte may allocate on the heap. */
  private static final long MOST_BYTES = 64L << 20;

  @TempDir private Path folder;

  /** Readers, each with whole files, and what may stand behind the colon after a file. */
  enum Kind {
    NPY(".npy", ":a0"),
    NPZ(".npz", ":a0", ":a1", ":", ":a\u00e4"),
    CSV(".csv", ":b", ":0", ":a,1", ":,", ":99999"),
    IDX("", ":0");

    private final String ending;
    private final List<String> parts;

    Kind(String ending, String... parts) {
      this.ending = ending;
      this.parts = List.of(parts);
    }

    List<byte[]> corpus() throws IOException {
      return switch (this) {
        case NPY ->
            List.of(
                ArrayFileTest.npy("<f4", "False", "(3, 2)", new byte[24]),
                ArrayFileTest.npy("<i8", "False", "(2,)", new byte[16]),
                ArrayFileTest.npy("|u1", "False", "()", new byte[1]),
                ArrayFileTest.npy("|b1", "False", "(0, 4)", new byte[0]),
                ArrayFileTest.npy(">f8", "True", "(2, 1, 2)", new byte[32]));
        case NPZ -> {
          byte[] halves = ArrayFileTest.npy("<f2", "False", "(3,)", new byte[6]);
          byte[] floats = ArrayFileTest.npy("<f4", "False", "(64,)", new byte[256]);
          yield List.of(
              ArrayFileTest.npz(ZipEntry.STORED, halves),
              ArrayFileTest.npz(ZipEntry.STORED, halves, floats),
              ArrayFileTest.npz(ZipEntry.DEFLATED, floats, halves),
              ArrayFileTest.npz(ZipEntry.DEFLATED, floats));
        }
        case CSV ->
            List.of(
                text("a,b\n1,2\n3,4.5\n"),
                text("\uFEFFa;\"b\"\r\n1;2\r\n\r\n3;4,5\r\n"),
                text("1e3\t-2\nnan\tinf\n"),
                text("\"a\nb\",\"c\"\"d\"\n0x1p3,1f\n"));
        case IDX -> {
          byte[] idx = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
          byte[] wide = {0, 0, 0xd, 1, 0, 0, 0, 1, 63, (byte) 128, 0, 0};
          yield List.of(idx, wide, gzip(idx));
        }
      };
    }

    private static byte[] text(String text) {
      return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] gzip(byte[] plain) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
        out.write(plain);
      }
      return bytes.toByteArray();
    }
  }

  @ParameterizedTest
  @EnumSource
  void damagedFilesAreReadOrRefused(Kind kind) throws IOException {
    long seconds = Long.getLong("dynaxx.fuzz.seconds", 0);
    long seed = Long.getLong("dynaxx.fuzz.seed", 1);
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    List<byte[]> corpus = kind.corpus();
    Path file = folder.resolve("x" + kind.ending);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int read = 0;
    int rounds = 0;
    long most = 0;
    while (seconds > 0 ? System.nanoTime() < end : rounds < SHORT_ROUNDS) {
      Random random = new Random(seed * 1_000_003 + rounds);
      byte[] bytes = damage(corpus.get(random.nextInt(corpus.size())), corpus, random);
      Files.write(file, bytes);
      boolean whole = random.nextInt(3) > 0;
      String part = whole ? "" : kind.parts.get(random.nextInt(kind.parts.size()));
      long before = threads.getCurrentThreadAllocatedBytes();
      String what = "seed " + seed + ", round " + rounds;
      read += read(Path.of(file + part), bytes.length, random, what) ? 1 : 0;
      most = Math.max(most, threads.getCurrentThreadAllocatedBytes() - before);
      assertTrue(most < MOST_BYTES, () -> what + ": too much memory");
      rounds++;
    }
    System.out.printf(
        "fuzz %s: %d damaged files, %d of them read; at most %d kB for one%n",
        kind, rounds, read, most >> 10);
    assertTrue(read > 0 && read < rounds, "read: " + read + " of " + rounds);
  }

  private static boolean read(Path path, int length, Random random, String what) {
    try (Scope scope = Scope.open()) {
      ArrayFile found = ArrayFile.open(path);
      if (!found.shape().isEmpty() && found.shape().getFirst() > 0 && random.nextBoolean()) {
        int last = (int) Math.min(found.shape().getFirst() - 1, Integer.MAX_VALUE);
        found = found.select(last);
      }
      assertTrue(found.values(scope).size() <= (long) LARGEST_RATIO * length, what);
      return true;
    } catch (DatasetException e) {
      String message = e.getMessage();
      assertTrue(message.contains("found") || message.contains("read"), what + ": " + message);
      return false;
    } catch (RuntimeException | Error e) {
      return fail(what + ": " + e, e);
    }
  }

  private static byte[] damage(byte[] whole, List<byte[]> corpus, Random random) {
    byte[] bytes = whole.clone();
    for (int hit = random.nextInt(4); hit >= 0; hit--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(7)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xFF : 0);
        case 3 -> bytes[at] += (byte) (random.nextInt(5) - 2);
        case 4 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
        case 5 -> bytes = replaced(bytes, at, 1 + random.nextInt(6), new byte[0]);
        default -> {
          byte[] other = corpus.get(random.nextInt(corpus.size()));
          int from = random.nextInt(other.length);
          int to = Math.min(other.length, from + 1 + random.nextInt(16));
          int gone = random.nextInt(8);
          bytes = replaced(bytes, at, gone, Arrays.copyOfRange(other, from, to));
        }
      }
    }
    return bytes;
  }

  private static byte[] replaced(byte[] bytes, int at, int length, byte[] by) {
    int rest = Math.max(0, bytes.length - at - length);
    byte[] made = new byte[Math.max(1, at + by.length + rest)];
    System.arraycopy(bytes, 0, made, 0, at);
    System.arraycopy(by, 0, made, at, by.length);
    System.arraycopy(bytes, bytes.length - rest, made, at + by.length, rest);
    return made;
  }
}
