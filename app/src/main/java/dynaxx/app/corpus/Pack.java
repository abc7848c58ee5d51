package dynaxx.app.corpus;

import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.monitor.MetricsFormat;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.spectrum.Signal;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * All runs of a corpus in one ZIP file: {@code 00017.json} says what run 17 was, {@code 00017.csv}
 * has its metrics.
 */
public final class Pack {

  private static final String FACTS = ".json";
  private static final String METRICS = ".csv";

  private Pack() {}

  /**
   * A run out of a pack.
   *
   * @param facts what it was and what happened
   * @param observations of each step
   */
  record Run(CorpusRun.Facts facts, List<Observation> observations) {

    Specification specification() {
      return facts.specification();
    }

    Outcome outcome() {
      return facts.outcome();
    }

    /** Of each step; NaN where the run broke off. */
    double[] losses() {
      return values(Signal.LOSS);
    }

    /** Of each step; NaN where it was not measured. */
    double[] values(Signal signal) {
      return observations.stream()
          .mapToDouble(
              o -> o.readings().containsKey(signal) ? o.readings().get(signal).value() : Double.NaN)
          .toArray();
    }
  }

  /**
   * Packs the runs of a corpus that are complete. The same runs give the same bytes.
   *
   * @return how many there are
   */
  public static int write(Corpus corpus, Path file) throws IOException {
    List<Path> runs = corpus.complete();
    WholeFile.write(file, out -> write(runs, out));
    return runs.size();
  }

  private static void write(List<Path> runs, OutputStream out) throws IOException {
    ZipOutputStream zip = new ZipOutputStream(out);
    zip.setLevel(Deflater.BEST_COMPRESSION);
    for (Path run : runs) {
      String name = run.getFileName().toString();
      put(zip, name + FACTS, Files.readAllBytes(run.resolve(Corpus.FACTS)));
      put(zip, name + METRICS, Files.readAllBytes(run.resolve(Corpus.METRICS)));
    }
    zip.finish();
  }

  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setTime(0);
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  /**
   * Reads a pack.
   *
   * @throws UserException if it is none
   */
  static List<Run> read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new UserException(file + ": found no such file, expected a packed corpus");
    }
    List<Run> runs = new ArrayList<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (ZipEntry entry : zip.stream().filter(e -> e.getName().endsWith(FACTS)).toList()) {
        runs.add(read(zip, entry));
      }
    } catch (ZipException | IllegalArgumentException e) {
      throw new UserException(file + ": found no packed corpus (" + e.getMessage() + ")", e);
    }
    if (runs.isEmpty()) {
      throw new UserException(file + ": found no run, expected a packed corpus");
    }
    return runs;
  }

  private static Run read(ZipFile zip, ZipEntry facts) throws IOException {
    String name = facts.getName().substring(0, facts.getName().length() - FACTS.length());
    ZipEntry metrics = zip.getEntry(name + METRICS);
    if (metrics == null) {
      throw new ZipException("run " + name + " has no metrics");
    }
    // A NaN is a problem to the reader, and no reading.
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(zip.getInputStream(metrics), StandardCharsets.UTF_8))) {
      List<Observation> observations =
          MetricsFormat.read(lines, name + METRICS, problem -> {}).stream()
              .filter(MonitorRecord.Step.class::isInstance)
              .map(record -> ((MonitorRecord.Step) record).observation())
              .toList();
      CorpusRun.Facts known =
          Corpus.JSON.readValue(zip.getInputStream(facts), CorpusRun.Facts.class);
      if (observations.size() != known.steps()) {
        throw new ZipException(
            name + ": found " + observations.size() + " steps, expected " + known.steps());
      }
      return new Run(known, observations);
    }
  }
}
