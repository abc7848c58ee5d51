package dynaxx.app.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dynaxx.app.UserException;
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
    Path csv = folder.resolve("metrics.csv");
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
   * Opens a folder of an earlier run to go on with it.
   *
   * @param folder holds a run
   * @param facts settings, versions and hardware for run.json
   * @param metricsBytes length of metrics.csv up to where the run goes on; what follows is cut off
   */
  public static RunFolder resume(Path folder, Map<String, Object> facts, long metricsBytes)
      throws IOException {
    Path csv = folder.resolve("metrics.csv");
    FileChannel channel = FileChannel.open(csv, StandardOpenOption.WRITE);
    try {
      lock(channel, folder);
      WholeFile.sweep(folder);
      if (channel.size() < metricsBytes) {
        throw new UserException(
            csv
                + ": found "
                + channel.size()
                + " bytes, expected at least the "
                + metricsBytes
                + " that the checkpoint was made after");
      }
      channel.truncate(metricsBytes).position(metricsBytes);
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

  /** The run goes on with the columns that it has. */
  private static MetricsFormat format(Path csv) throws IOException {
    try (Stream<String> lines = Files.lines(csv, StandardCharsets.ISO_8859_1)) {
      return StepRow.format(lines.findFirst().orElse(""));
    } catch (IllegalArgumentException e) {
      throw new UserException(csv + ": " + e.getMessage());
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

  /** Length of metrics.csv, all of it on the disk; -1 if the run has ended. */
  public synchronized long force() throws IOException {
    if (!open) {
      return -1;
    }
    metrics.force(false);
    return metrics.position();
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
      throw new UncheckedIOException(folder.resolve("metrics.csv") + ": " + e.getMessage(), e);
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
      throw new UncheckedIOException(folder.resolve("metrics.csv") + ": " + e.getMessage(), e);
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
