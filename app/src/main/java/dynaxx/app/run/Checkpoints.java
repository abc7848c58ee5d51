package dynaxx.app.run;

import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.app.train.Checkpoint;
import dynaxx.app.train.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The checkpoints of a run: {@code checkpoints/step-N.ckpt} for N updates made. */
public final class Checkpoints {

  private static final Pattern NAME = Pattern.compile("step-(\\d{1,18})\\.ckpt");

  /** Newest files, all of which are kept. */
  private static final int KEPT = 5;

  private final Path folder;
  private final String made;

  /**
   * The checkpoints in a run's folder.
   *
   * @param made describes network, data and optimizer
   */
  public Checkpoints(Path runFolder, String made) {
    this.folder = runFolder.resolve("checkpoints");
    this.made = made;
  }

  /**
   * Writes a checkpoint. Kept are the newest ones, the first, and in between one for every doubling
   * of the age, so that there always is one from before whatever is found out later.
   */
  public void write(Trainer trainer, Checkpoint.Run run) throws IOException {
    Files.createDirectories(folder);
    Checkpoint.write(file(trainer.steps()), made, run, trainer);
    TreeMap<Long, Path> all = files();
    long first = all.firstKey();
    long newest = all.lastKey();
    int kept = 0;
    long age = 0;
    for (Map.Entry<Long, Path> one : all.descendingMap().entrySet()) {
      long its = newest - one.getKey();
      if (kept < KEPT || its >= 2 * age || one.getKey() == first) {
        kept++;
        age = its;
      } else {
        Files.deleteIfExists(one.getValue());
      }
    }
  }

  /** Deletes what a process that was killed had begun to write. */
  public void sweep() throws IOException {
    WholeFile.sweep(folder);
  }

  /** Deletes the checkpoints of a course that was given up: those after some updates. */
  public void forgetAfter(long steps) throws IOException {
    for (Path later : files().tailMap(steps, false).values()) {
      Files.deleteIfExists(later);
    }
  }

  /** Loads the newest checkpoint that is not after some updates; null if there is none. */
  public Checkpoint.Run load(Trainer trainer, long mostSteps) {
    var newest = files().floorEntry(mostSteps);
    if (newest == null) {
      return null;
    }
    try {
      return Checkpoint.read(newest.getValue(), made, trainer);
    } catch (IOException e) {
      throw new UserException(newest.getValue() + ": cannot be read (" + e.getMessage() + ")");
    }
  }

  /** Steps of the newest checkpoint, -1 if there is none. */
  public long newest() {
    TreeMap<Long, Path> all = files();
    return all.isEmpty() ? -1 : all.lastKey();
  }

  private Path file(long steps) {
    return folder.resolve("step-" + steps + ".ckpt");
  }

  private TreeMap<Long, Path> files() {
    TreeMap<Long, Path> found = new TreeMap<>();
    if (!Files.isDirectory(folder)) {
      return found;
    }
    try (Stream<Path> all = Files.list(folder)) {
      all.forEach(
          path -> {
            Matcher name = NAME.matcher(path.getFileName().toString());
            if (name.matches()) {
              found.put(Long.parseLong(name.group(1)), path);
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
    }
    return found;
  }
}
