package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import dynaxx.layer.Shape;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files with random damage to their bytes or nodes, read with random options: they are read or
 * refused with the documented exception, each within bounded time and memory. A quarter of them has
 * external data, functions or loops. {@code -Ddynaxx.fuzz.seconds=600} makes it long.
 */
class FuzzTest {

  private static final int SHORT_ROUNDS = 3_000;

  /** What reading a file of a few kilobytes may allocate: folded constants and their indices. */
  private static final long MOST_BYTES = 1L << 30;

  /** Of one core's time, and on the clock, which other programs may hold up. */
  private static final long MOST_SECONDS = 10;

  private static final long MOST_WAITING = 60;

  /** What the importer refuses is refused by it, and not by a slip that something else catches. */
  private static final List<Class<?>> SLIPS =
      List.of(
          NullPointerException.class,
          ClassCastException.class,
          UnsupportedOperationException.class,
          NoSuchElementException.class,
          IllegalStateException.class);

  /** Bytes of the file with external data, which may also be too short. */
  private static final int EXTERNAL = 100;

  private record Outcome(boolean read, long bytes, long nanos) {}

  @TempDir private Path folder;

  @Test
  void damagedFilesAreReadOrRefused() throws IOException {
    long seconds = Long.getLong("dynaxx.fuzz.seconds", 0);
    long end = System.nanoTime() + seconds * 1_000_000_000L;
    long seed = Long.getLong("dynaxx.fuzz.seed", 1);
    List<TestModel> models = List.copyOf(Models.all().values());
    List<byte[]> corpus = corpus(models);
    Path file = folder.resolve("damaged.onnx");
    List<byte[]> exporters = ExporterFilesTest.corpus();
    int read = 0;
    int rounds = 0;
    long most = 0;
    long longest = 0;
    String slowest = "";
    // A daemon, as a reading that takes too long goes on after the test has failed.
    ExecutorService reader =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
    try {
      while (seconds > 0 ? System.nanoTime() < end : rounds < SHORT_ROUNDS) {
        Random random = new Random(seed * 1_000_003 + rounds);
        byte[] damaged =
            switch (random.nextInt(4)) {
              case 0 -> mutated(models.get(random.nextInt(models.size())), random);
              case 1 -> damage(exporters.get(random.nextInt(exporters.size())), corpus, random);
              default -> damage(corpus.get(random.nextInt(corpus.size())), corpus, random);
            };
        Files.write(file, damaged);
        Files.write(folder.resolve("w.data"), new byte[EXTERNAL - random.nextInt(2) * 60]);
        OnnxOptions options = options(random);
        String what = "seed " + seed + ", round " + rounds + ", " + damaged.length + " bytes";
        Outcome outcome = outcome(reader.submit(() -> read(file, options, what)), what);
        if (outcome.nanos > longest) {
          longest = outcome.nanos;
          slowest = what;
        }
        most = Math.max(most, outcome.bytes);
        read += outcome.read ? 1 : 0;
        rounds++;
        assertTrue(outcome.bytes < MOST_BYTES, what + ": allocated " + outcome.bytes);
        assertTrue(outcome.nanos < MOST_SECONDS * 1_000_000_000L, what + ": took " + outcome.nanos);
      }
    } finally {
      reader.shutdownNow();
    }
    System.out.printf(
        "fuzz: %d damaged files, %d of them read; at most %d MB and %.1f s of a core for one"
            + " (%s)%n",
        rounds, read, most >> 20, longest / 1e9, slowest);
    assertTrue(read < rounds, "damage that does none");
  }

  private static Outcome outcome(Future<Outcome> reading, String what) {
    try {
      return reading.get(MOST_WAITING, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      return fail(what + ": not read in " + MOST_WAITING + " s", e);
    } catch (InterruptedException | ExecutionException e) {
      return fail(what + ": " + e.getCause(), e);
    }
  }

  private static OnnxOptions options(Random random) {
    OnnxOptions options = OnnxOptions.DEFAULT.withFused(random.nextBoolean());
    options = options.withLogits(random.nextInt(3) == 0);
    if (random.nextInt(4) == 0) {
      String[] patterns = {".*w.*", ".*[b-m].*", "w", ".*[02468].*", "none"};
      options = options.withParameters(Pattern.compile(patterns[random.nextInt(5)]));
    }
    if (random.nextInt(6) == 0) {
      Shape[] shapes = {Shape.of(3), Shape.of(4, 6), Shape.of(1, 1), Shape.of(5, 3)};
      options = options.withInputShape(shapes[random.nextInt(shapes.length)]);
    }
    return options;
  }

  private static List<byte[]> corpus(List<TestModel> models) throws IOException {
    List<byte[]> corpus = new ArrayList<>();
    models.forEach(m -> corpus.add(m.bytes()));
    corpus.addAll(ExporterFilesTest.corpus());
    for (String name : List.of("mlp-tanh", "cnn-relu", "gru")) {
      corpus.add(Files.readAllBytes(Cases.model(name)));
    }
    return corpus;
  }

  private static Outcome read(Path file, OnnxOptions options, String what) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    long start = threads.getCurrentThreadCpuTime();
    boolean read = false;
    try {
      OnnxModel.read(file, options);
      read = true;
    } catch (OnnxException e) {
      assertTrue(e.getMessage() != null && e.getMessage().startsWith(file.toString()));
      Throwable cause = e.getCause();
      if (cause != null && SLIPS.contains(cause.getClass())) {
        fail(what + ": " + trace(cause), cause);
      }
    } catch (Throwable e) {
      fail(what + ": " + trace(e), e);
    }
    long nanos = threads.getCurrentThreadCpuTime() - start;
    return new Outcome(read, threads.getCurrentThreadAllocatedBytes() - before, nanos);
  }

  private static String trace(Throwable e) {
    StackTraceElement[] trace = e.getStackTrace();
    return e + " at " + Arrays.asList(trace).subList(0, Math.min(6, trace.length));
  }

  /** A model with nodes whose inputs, outputs, operators or attributes have been changed. */
  private static byte[] mutated(TestModel model, Random random) {
    List<TestModel.Step> kept = List.copyOf(model.steps());
    List<String> names = new ArrayList<>(model.initializers().keySet());
    kept.forEach(step -> names.addAll(step.outputs()));
    names.addAll(List.of("x", ""));
    int count = 1 + random.nextInt(3);
    for (int i = 0; i < count; i++) {
      int at = random.nextInt(kept.size());
      model.steps().set(at, mutated(model.steps().get(at), kept, names, random));
    }
    byte[] bytes = model.bytes();
    model.steps().clear();
    model.steps().addAll(kept);
    return bytes;
  }

  private static TestModel.Step mutated(
      TestModel.Step step, List<TestModel.Step> all, List<String> names, Random random) {
    List<String> inputs = new ArrayList<>(step.inputs());
    Map<String, Object> attributes = new LinkedHashMap<>(step.attributes());
    TestModel.Step other = all.get(random.nextInt(all.size()));
    String op = step.op();
    switch (random.nextInt(7)) {
      case 0 -> inputs.clear();
      case 1 -> inputs.remove(inputs.isEmpty() ? "" : inputs.get(random.nextInt(inputs.size())));
      case 2 -> Collections.reverse(inputs);
      case 3 -> inputs.add(names.get(random.nextInt(names.size())));
      case 4 -> {
        if (!inputs.isEmpty()) {
          inputs.set(random.nextInt(inputs.size()), names.get(random.nextInt(names.size())));
        }
      }
      case 5 -> op = other.op();
      default -> {
        attributes.keySet().removeIf(name -> random.nextBoolean());
        attributes.putAll(other.attributes());
      }
    }
    return new TestModel.Step(op, inputs, step.outputs(), attributes);
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
