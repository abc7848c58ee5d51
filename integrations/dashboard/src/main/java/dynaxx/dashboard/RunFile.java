package dynaxx.dashboard;

import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.monitor.MetricsFormat;
import dynaxx.monitor.MonitorRecord;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Follows the files of a run while they grow: {@code monitor.jsonl}, or {@code metrics.csv} as long
 * as there is none, and {@code run.json}. Reads whole lines only, and begins anew if a file became
 * shorter. A line that is no record is left out and counted.
 */
final class RunFile {

  private static final String JOURNAL = "monitor.jsonl";
  private static final String METRICS = "metrics.csv";
  private static final String JOURNAL_ENDING = ".jsonl";
  private static final String METRICS_ENDING = ".csv";
  private static final String FACTS = "run.json";
  private static final int BLOCK = 1 << 20;
  private static final int MOST_LINE = 1 << 24;
  private static final long MOST_FACTS = 1 << 20;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final RunData data;
  private final Path place;
  private final Path facts;
  private Path lines;
  private boolean journal;
  private long position;
  private String header = "";
  private byte[] rest = {};
  private FileTime factsTime;
  private long leftOut;

  private RunFile(Path place, Path lines, String name) {
    this.place = place;
    this.lines = lines;
    this.journal = lines.getFileName().toString().endsWith(JOURNAL_ENDING);
    this.facts = lines.resolveSibling(FACTS);
    this.data = new RunData(name);
  }

  /**
   * The runs at a place.
   *
   * @param place folder of a run, a folder of such folders, or a file of either kind
   * @return at least one
   * @throws IOException if there is none; says what was found
   */
  static List<RunFile> at(Path place) throws IOException {
    if (Files.isRegularFile(place)) {
      return List.of(file(place));
    }
    requireFolder(place);
    Optional<RunFile> run = in(place);
    if (run.isPresent()) {
      return List.of(run.get());
    }
    List<RunFile> found = new ArrayList<>();
    for (Path child : folders(place)) {
      in(child).ifPresent(found::add);
    }
    if (found.isEmpty()) {
      throw new IOException(
          place + ": found no run, expected " + JOURNAL + " or " + METRICS + " in it");
    }
    return found;
  }

  private static RunFile file(Path file) throws IOException {
    String name = file.getFileName().toString();
    if (!name.endsWith(JOURNAL_ENDING) && !name.endsWith(METRICS_ENDING)) {
      throw new IOException(
          file + ": found another file, expected " + JOURNAL + ", " + METRICS + " or a folder");
    }
    return new RunFile(file, file, name);
  }

  /** What there is but may not be seen is no folder either; the reason tells the two apart. */
  private static void requireFolder(Path place) throws IOException {
    try {
      if (Files.readAttributes(place, BasicFileAttributes.class).isDirectory()) {
        return;
      }
    } catch (NoSuchFileException e) {
      throw new IOException(place + ": found nothing there, expected the folder of a run", e);
    }
    throw new IOException(place + ": found no file or folder, expected the folder of a run");
  }

  /** The folders in a folder, by name. */
  static List<Path> folders(Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      return children.filter(Files::isDirectory).sorted().toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /**
   * The run in a folder, if there is one.
   *
   * @throws IOException if its file is a link that leads out of the folder
   */
  static Optional<RunFile> in(Path folder) throws IOException {
    for (String file : List.of(JOURNAL, METRICS)) {
      Path path = folder.resolve(file);
      if (Files.isRegularFile(path)) {
        inside(folder, path);
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return Optional.of(new RunFile(folder, path, name == null ? "/" : name.toString()));
      }
    }
    return Optional.empty();
  }

  /** A link must not lead out of the folder that somebody chose to show. */
  private static void inside(Path folder, Path file) throws IOException {
    if (!file.toRealPath().startsWith(folder.toRealPath())) {
      throw new IOException(file + ": found a link that leads out of the run's folder");
    }
  }

  RunData data() {
    return data;
  }

  /** The folder or file that it was found at. */
  Path place() {
    return place;
  }

  /** Lines that were no records. */
  long leftOut() {
    return leftOut;
  }

  /** Reads what has come since the last time. */
  void follow() throws IOException {
    readFacts();
    turnToJournal();
    try (FileChannel channel = FileChannel.open(lines, StandardOpenOption.READ)) {
      if (channel.size() < position) {
        beginAnew();
      }
      channel.position(position);
      ByteBuffer block = ByteBuffer.allocate(BLOCK);
      while (channel.read(block.clear()) > 0) {
        block.flip();
        position += block.remaining();
        take(block);
      }
    }
  }

  /** A run that has just begun has its metrics before its journal, which knows more. */
  private void turnToJournal() throws IOException {
    Path better = lines.resolveSibling(JOURNAL);
    if (!journal && !place.equals(lines) && Files.isRegularFile(better)) {
      inside(place, better);
      lines = better;
      journal = true;
      beginAnew();
    }
  }

  private void beginAnew() {
    position = 0;
    rest = new byte[0];
    header = "";
    data.clear();
  }

  private void take(ByteBuffer block) {
    byte[] all = Arrays.copyOf(rest, rest.length + block.remaining());
    block.get(all, rest.length, block.remaining());
    int end = all.length;
    while (end > 0 && all[end - 1] != '\n') {
      end--;
    }
    rest = Arrays.copyOfRange(all, end, all.length);
    if (rest.length > MOST_LINE) {
      rest = new byte[0];
      leftOut++;
    }
    String text = new String(all, 0, end, StandardCharsets.UTF_8);
    if (journal) {
      text.lines().forEach(this::record);
    } else if (!text.isEmpty()) {
      rows(text);
    }
  }

  private void record(String line) {
    try {
      data.accept(MonitorRecord.parse(line));
    } catch (IllegalArgumentException e) {
      leftOut++;
    }
  }

  private void rows(String text) {
    String body = text;
    if (header.isEmpty()) {
      body = text.stripLeading();
      header = body.lines().findFirst().orElse("");
      body = body.substring(Math.min(body.length(), body.indexOf('\n') + 1));
    }
    if (body.isBlank()) {
      return;
    }
    try (BufferedReader reader = new BufferedReader(new StringReader(header + "\n" + body))) {
      MetricsFormat.read(reader, lines.toString(), problem -> leftOut++).forEach(data::accept);
    } catch (IllegalArgumentException | IOException e) {
      leftOut++;
    }
  }

  private void readFacts() {
    try {
      if (!Files.isRegularFile(facts) || Files.size(facts) > MOST_FACTS) {
        return;
      }
      inside(lines.getParent() == null ? Path.of(".") : lines.getParent(), facts);
      FileTime time = Files.getLastModifiedTime(facts);
      if (!time.equals(factsTime)) {
        factsTime = time;
        Map<?, ?> read = MAPPER.readValue(facts.toFile(), Map.class);
        if (read == null) {
          return;
        }
        data.facts(Facts.of(read));
        Object status = read.get("status");
        data.status(status == null ? "running" : status.toString());
      }
    } catch (IOException e) {
      // It is just being replaced; the next time.
    }
  }
}
