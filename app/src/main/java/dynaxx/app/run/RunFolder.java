package dynaxx.app.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.monitor.MetricsFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The folder of one run. {@code metrics.csv} grows by whole lines, {@code run.json} is replaced as
 * a whole, so both can be read at any moment, also after an interruption.
 */
public final class RunFolder implements AutoCloseable {

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private static final String METRICS = "metrics.csv";
  private static final int SHOWN = 80;

  private final Path folder;
  private final FileChannel metrics;
  private final MetricsFormat format;
  private final Map<String, Object> facts;
  private final Thread hook = new Thread(this::interrupted, "dynaxx-interrupt");
  private Runnable afterwards = () -> {};
  private boolean open = true;

  private RunFolder(
      Path folder, FileChannel metrics, MetricsFormat format, Map<String, Object> facts) {
    this.folder = folder;
    this.metrics = metrics;
    this.format = format;
    this.facts = facts;
  }

  private void begin() {
    write("running", Map.of());
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private void interrupted() {
    if (finish("interrupted", Map.of())) {
      afterwards.run();
    }
  }

  /** Runs something after an interruption has ended the run. */
  public synchronized void whenInterrupted(Runnable then) {
    afterwards = then;
  }

  /** Ends the run as failed, for a reason that run.json keeps. */
  public void fail(Throwable reason) {
    finish("failed", Map.of("reason", String.valueOf(reason.getMessage())));
  }

  /**
   * Keeps other processes from going on with the same run; nothing of the file is barred from
   * readers, and the lock ends with the process.
   */
  private static void lock(FileChannel metrics, Path folder) throws IOException {
    FileLock lock;
    try {
      lock = metrics.tryLock(Long.MAX_VALUE - 1, 1, false);
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      throw new UserException(
          "--resume: found a run in "
              + folder
              + " that is still going on, expected one that was"
              + " interrupted");
    }
  }

  /**
   * Creates the folder with its two files.
   *
   * @param folder new, or one that holds no run
   * @param format of metrics.csv
   * @param facts settings, versions and hardware for run.json
   */
  public static RunFolder create(Path folder, MetricsFormat format, Map<String, Object> facts)
      throws IOException {
    Path csv = folder.resolve(METRICS);
    if (Files.exists(csv) || Files.exists(folder.resolve("run.json"))) {
      throw new UserException(
          "--out: found an earlier run in " + folder + ", expected a folder without one");
    }
    if (Files.exists(folder) && !Files.isDirectory(folder)) {
      throw new UserException("--out: found a file at " + folder + ", expected a folder");
    }
    Files.createDirectories(folder);
    FileChannel channel =
        FileChannel.open(csv, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    lock(channel, folder);
    Map<String, Object> all = new LinkedHashMap<>(facts);
    all.put("started", Instant.now().toString());
    RunFolder run = new RunFolder(folder, channel, format, all);
    try {
      run.line(format.header());
      run.begin();
    } catch (RuntimeException e) {
      channel.close();
      throw e;
    }
    return run;
  }

  /**
   * Opens a folder of an earlier run to go on with it, from where {@link #keepRows} says, with the
   * columns that its metrics.csv has.
   *
   * @param folder holds a run
   * @param facts settings, versions and hardware for run.json
   */
  public static RunFolder resume(Path folder, Map<String, Object> facts) throws IOException {
    Path csv = folder.resolve(METRICS);
    FileChannel channel = FileChannel.open(csv, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      lock(channel, folder);
      WholeFile.sweep(folder);
      MetricsFormat format = format(csv);
      Map<String, Object> all = new LinkedHashMap<>(facts);
      JsonNode started = json(folder).path("started");
      all.put("started", started.asText());
      all.put("resumed", Instant.now().toString());
      RunFolder run = new RunFolder(folder, channel, format, all);
      run.begin();
      return run;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Cuts off the rows of metrics.csv that a resumed run makes again, which their steps tell: rows
   * before them may have been deleted.
   *
   * @param steps of the rows that were written up to the checkpoint
   * @return how many of these the file no longer has
   */
  public synchronized long keepRows(long[] steps) throws IOException {
    Path csv = folder.resolve(METRICS);
    byte[] all = Files.readAllBytes(csv);
    int kept = endOfLine(all, 0);
    int found = 0;
    int next = 0;
    int from = kept;
    for (int end = endOfLine(all, from); end > from; end = endOfLine(all, from)) {
      long step = step(all, from, end);
      from = end;
      // A line without a step stays if a row of the run follows.
      if (step < 0) {
        continue;
      }
      int index = indexOf(steps, next, step);
      if (index < 0) {
        break;
      }
      found++;
      next = index + 1;
      kept = end;
    }
    metrics.truncate(kept).position(kept);
    return steps.length - found;
  }

  /** Where the line after this one begins; the same if there is no whole line. */
  private static int endOfLine(byte[] all, int from) {
    for (int i = from; i < all.length; i++) {
      if (all[i] == '\n') {
        return i + 1;
      }
    }
    return from;
  }

  /** The number in the first field, -1 if there is none. */
  private static long step(byte[] all, int from, int end) {
    String line = new String(all, from, end - from, StandardCharsets.ISO_8859_1);
    int comma = line.indexOf(',');
    try {
      return comma < 0 ? -1 : Long.parseLong(line.substring(0, comma));
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static int indexOf(long[] steps, int from, long step) {
    for (int i = from; i < steps.length; i++) {
      if (steps[i] == step) {
        return i;
      }
    }
    return -1;
  }

  /** The run goes on with the columns that it has. */
  private static MetricsFormat format(Path csv) throws IOException {
    String first;
    try (Stream<String> lines = Files.lines(csv, StandardCharsets.ISO_8859_1)) {
      first = lines.findFirst().orElse("");
    }
    try {
      return StepRow.format(first);
    } catch (IllegalArgumentException e) {
      String shown = first.length() <= SHOWN ? first : first.substring(0, SHOWN) + "...";
      throw new UserException(
          csv
              + ": found '"
              + shown
              + "' as its first line, expected a header with the column step");
    }
  }

  /** What run.json of a folder says. */
  public static JsonNode json(Path folder) {
    Path file = folder.resolve("run.json");
    try {
      return JSON.readTree(file.toFile());
    } catch (IOException e) {
      throw new UserException(file + ": found no run.json that can be read");
    }
  }

  /** Brings all rows to the disk; false if the run has ended. */
  public synchronized boolean force() throws IOException {
    if (open) {
      metrics.force(false);
    }
    return open;
  }

  /** Appends a row; does nothing once the run has ended. */
  public synchronized void append(StepRow row) {
    if (open) {
      line(row.csv(format));
    }
  }

  /**
   * Ends the run; only the first call counts.
   *
   * @param status for example {@code completed} or {@code interrupted}
   * @param results added to run.json
   * @return whether this call ended it
   */
  public synchronized boolean finish(String status, Map<String, Object> results) {
    if (!open) {
      return false;
    }
    open = false;
    removeHook();
    try (metrics) {
      metrics.force(false);
    } catch (IOException e) {
      throw new UncheckedIOException(folder.resolve(METRICS) + ": " + e.getMessage(), e);
    } finally {
      write(status, results);
    }
    return true;
  }

  /** Ends the run as failed unless it has ended already. */
  @Override
  public void close() {
    finish("failed", Map.of());
  }

  private void removeHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is shutting down already: this is the hook, or it comes too late.
    }
  }

  public Path path() {
    return folder;
  }

  private void line(String text) {
    ByteBuffer bytes = StandardCharsets.UTF_8.encode(text + "\n");
    try {
      while (bytes.hasRemaining()) {
        metrics.write(bytes);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(folder.resolve(METRICS) + ": " + e.getMessage(), e);
    }
  }

  private void write(String status, Map<String, Object> results) {
    Map<String, Object> all = new LinkedHashMap<>(facts);
    all.put("status", status);
    if (!status.equals("running")) {
      all.put("ended", Instant.now().toString());
    }
    all.putAll(results);
    try {
      byte[] text = JSON.writeValueAsBytes(all);
      WholeFile.write(folder.resolve("run.json"), to -> to.write(text));
    } catch (IOException e) {
      throw new UncheckedIOException(folder.resolve("run.json") + ": " + e.getMessage(), e);
    }
  }
}
