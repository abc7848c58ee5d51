package dynaxx.app.corpus;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.monitor.MetricsFormat;
import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A folder of runs, each in a folder of its own: what it was, and what was measured. */
public final class Corpus {

  static final String METRICS = "metrics.csv";
  static final String FACTS = "run.json";

  /** As many as a float32 has. */
  private static final int DIGITS = 7;

  static final ObjectMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(SerializationFeature.WRITE_ENUMS_USING_TO_STRING)
          .enable(DeserializationFeature.READ_ENUMS_USING_TO_STRING)
          .build();

  private final Path folder;

  public Corpus(Path folder) {
    this.folder = folder;
  }

  /**
   * The runs of a corpus.
   *
   * @param seed of the corpus
   * @param runs how many
   * @param only of one family, or null for all
   */
  public static List<Specification> plan(long seed, int runs, Family only) {
    return IntStream.range(0, runs)
        .mapToObj(index -> Specification.of(seed, index))
        .filter(run -> only == null || run.family() == only)
        .toList();
  }

  /**
   * Makes the runs that are not there yet.
   *
   * @param threads how many runs at once
   * @param made called with each run that is there, in the order in which they are done
   * @throws UserException if there is a run of another corpus
   */
  public void make(List<Specification> runs, int threads, Consumer<String> made)
      throws IOException, InterruptedException {
    List<Callable<String>> tasks = new ArrayList<>();
    runs.forEach(run -> tasks.add(() -> ensure(run)));
    Workers.run(tasks, threads, made);
  }

  private String ensure(Specification run) throws IOException {
    Path own = folder.resolve(run.name());
    if (!Files.exists(own.resolve(FACTS))) {
      Files.createDirectories(own);
      WholeFile.sweep(own);
      write(own, CorpusRun.make(run));
    }
    CorpusRun.Facts facts = facts(own);
    if (!facts.specification().equals(run)) {
      throw new UserException(
          own + ": found the run " + facts.specification() + ", expected " + run);
    }
    return line(facts);
  }

  private static String line(CorpusRun.Facts facts) {
    Specification run = facts.specification();
    return String.join(
        " ",
        run.name(),
        run.family().toString(),
        run.optimizer().toString(),
        Double.toString(run.ratio()),
        run.fault().toString(),
        facts.outcome().what().toString(),
        Integer.toString(facts.outcome().shownAt()));
  }

  /** The facts come last: a run that has them is complete. */
  private static void write(Path own, CorpusRun.Result result) throws IOException {
    String text = csv(result);
    WholeFile.write(own.resolve(METRICS), out -> out.write(text.getBytes(StandardCharsets.UTF_8)));
    byte[] facts = JSON.writeValueAsBytes(result.facts());
    WholeFile.write(own.resolve(FACTS), out -> out.write(facts));
  }

  private static String csv(CorpusRun.Result result) {
    List<String> columns = new ArrayList<>(List.of(MetricsFormat.STEP));
    List<Signal> measured =
        Arrays.stream(Signal.values())
            .filter(
                signal ->
                    result.observations().stream().anyMatch(o -> o.readings().containsKey(signal)))
            .toList();
    columns.addAll(MetricsFormat.columns(measured, result.layers()));
    MetricsFormat format = MetricsFormat.of(columns).withDigits(DIGITS);
    return Stream.concat(
            Stream.of(format.header()),
            result.observations().stream().map(o -> format.line(o, Map.of())))
        .collect(Collectors.joining("\n", "", "\n"));
  }

  static CorpusRun.Facts facts(Path own) throws IOException {
    return JSON.readValue(own.resolve(FACTS).toFile(), CorpusRun.Facts.class);
  }

  /** Folders of the runs that are complete, in order. */
  List<Path> complete() throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new UserException(folder + ": found no such folder, expected one with runs");
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(own -> Files.exists(own.resolve(FACTS))).sorted().toList();
    }
  }
}
