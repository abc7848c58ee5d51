package dynaxx.dashboard;

import dynaxx.monitor.MetricsFormat;
import dynaxx.monitor.MonitorRecord;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Follows the files of a run while they grow: {@code monitor.jsonl}, or {@code metrics.csv} as long
 * as there is none, and {@code run.json}. Reads whole lines only, and begins again if a file is
 * another than it was. A line that is no record is left out, and what is wrong is told.
 */
final class RunFile {

  private static final System.Logger LOG = System.getLogger(RunFile.class.getName());
  private static final String JOURNAL = "monitor.jsonl";
  private static final String METRICS = "metrics.csv";
  private static final String JOURNAL_ENDING = ".jsonl";
  private static final String METRICS_ENDING = ".csv";
  private static final String LEADS_OUT = "a link that leads out of the run's folder";

  private final RunData data;
  private final Path place;
  private final Path facts;
  private GrowingFile lines;
  private Function<String, List<MonitorRecord>> reader = line -> List.of();
  private int read;
  private List<Object> factsSeen = List.of();
  private String wrongFacts = "";
  private String wrongLine = "";
  private long leftOut;
  private final Set<String> told = new HashSet<>();

  private RunFile(Path place, Path lines, String name) {
    this.place = place;
    this.lines = new GrowingFile(lines);
    this.facts = lines.resolveSibling(Facts.FILE);
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
    Path name = folder.toAbsolutePath().normalize().getFileName();
    return linesIn(folder)
        .map(lines -> new RunFile(folder, lines, name == null ? "/" : name.toString()));
  }

  /** The journal, which knows more than the metrics, or those. */
  private static Optional<Path> linesIn(Path folder) throws IOException {
    for (String file : List.of(JOURNAL, METRICS)) {
      Path path = folder.resolve(file);
      if (Files.isRegularFile(path)) {
        if (!inside(folder, path)) {
          throw new IOException(path + ": found " + LEADS_OUT);
        }
        return Optional.of(path);
      }
    }
    return Optional.empty();
  }

  /** A link must not lead out of the folder that somebody chose to show. */
  private static boolean inside(Path folder, Path file) throws IOException {
    return file.toRealPath().startsWith(folder.toRealPath());
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

  /** What is wrong with its files, each in a line that begins with the name of the file. */
  List<String> problems() {
    String more = leftOut > 1 ? " (and " + (leftOut - 1) + " more like this)" : "";
    return Stream.of(wrongFacts, wrongLine.isEmpty() ? "" : wrongLine + more)
        .filter(problem -> !problem.isEmpty())
        .toList();
  }

  /** Says what is wrong with its files, each thing once, however many lines it concerns. */
  void tell() {
    for (String problem : List.of(wrongFacts, wrongLine)) {
      if (!problem.isEmpty() && told.add(problem)) {
        LOG.log(System.Logger.Level.WARNING, "{0}", whole(problem));
      }
    }
  }

  /** The first thing that is wrong with its lines, if there is any. */
  Stream<String> whyNoStep() {
    return Stream.of(wrongLine).filter(problem -> !problem.isEmpty()).map(this::whole);
  }

  /** A problem with the whole path of its file. */
  private String whole(String problem) {
    Path folder = facts.getParent();
    return folder == null ? problem : folder + File.separator + problem;
  }

  /**
   * Reads what has come since the last time.
   *
   * @throws NoSuchFileException if the run is gone; what was read of it stays
   */
  void follow() throws IOException {
    turnTo(Files.isDirectory(place) ? linesIn(place).orElse(lines.path()) : lines.path());
    lines.read(this::beginAnew, this::take, this::tooLong);
    readFacts();
    data.problems(problems());
  }

  /** Reads to the very end: metrics of others may lack the end of their last line. */
  void finish() throws IOException {
    follow();
    if (!isJournal() && !RunData.RUNNING.equals(data.facts().get("status"))) {
      lines.end(this::take);
      data.problems(problems());
    }
  }

  /**
   * A run that has just begun has its metrics before its journal; one that begins again may have
   * lost the latter.
   */
  private void turnTo(Path better) {
    if (!better.equals(lines.path())) {
      lines = new GrowingFile(better);
      beginAnew();
    }
  }

  private void beginAnew() {
    read = 0;
    wrongLine = "";
    leftOut = 0;
    data.clear();
  }

  private void take(String text) {
    if (read == 0) {
      reader = isJournal() ? this::record : MetricsFormat.reader(name(), this::leftOut);
    }
    text.lines().forEach(this::line);
  }

  private void line(String line) {
    read++;
    try {
      reader.apply(line).forEach(data::accept);
    } catch (IllegalArgumentException e) {
      leftOut(e.getMessage());
      if (!isJournal()) {
        // Below such a header nothing can be read.
        reader = more -> List.of();
      }
    }
  }

  private List<MonitorRecord> record(String line) {
    try {
      return List.of(MonitorRecord.parse(line));
    } catch (IllegalArgumentException e) {
      leftOut(name() + ": line " + read + ": " + e.getMessage() + "; left out");
      return List.of();
    }
  }

  private boolean isJournal() {
    return name().endsWith(JOURNAL_ENDING);
  }

  private String name() {
    return lines.path().getFileName().toString();
  }

  private void leftOut(String problem) {
    leftOut++;
    if (wrongLine.isEmpty()) {
      wrongLine = problem;
    }
  }

  private void tooLong() {
    leftOut(name() + ": line " + (read + 1) + ": found no end of it; left out");
  }

  private void readFacts() {
    try {
      Path folder = facts.getParent();
      if (!Files.isRegularFile(facts)) {
        facts(Facts.Read.NOTHING, List.of());
        return;
      }
      if (!inside(folder == null ? Path.of(".") : folder, facts)) {
        facts(Facts.Read.wrong(LEADS_OUT, "a file in it"), List.of());
        return;
      }
      BasicFileAttributes now = Files.readAttributes(facts, BasicFileAttributes.class);
      List<Object> seen = Arrays.asList(now.lastModifiedTime(), now.size(), now.fileKey());
      if (!seen.equals(factsSeen)) {
        facts(Facts.read(facts), seen);
      }
    } catch (NoSuchFileException e) {
      // It is just being replaced; the next time.
    } catch (IOException e) {
      facts(Facts.Read.wrong("a file that cannot be read", "one that can"), List.of());
    }
  }

  private void facts(Facts.Read now, List<Object> seen) {
    factsSeen = seen;
    wrongFacts = now.problem();
    data.facts(now.facts());
    data.status(now.status());
  }
}
