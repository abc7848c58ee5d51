package dynaxx.dashboard;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The places that runs are shown from, each run once. In a folder of runs it looks now and then for
 * those that began later; looking takes a small part of the time, however large the folder is.
 */
final class RunPlaces {

  private static final System.Logger LOG = System.getLogger(RunPlaces.class.getName());
  private static final long PAUSE_NANOS = 2_000_000_000L;

  /** Of the time, looking takes one part in so many at most. */
  private static final int PARTS = 20;

  private final List<Path> folders = new ArrayList<>();
  private final Set<Path> known = new HashSet<>();
  private long next;

  /** The runs at a place that are not shown yet, as {@link RunFile#at} finds them. */
  synchronized List<RunFile> add(Path place) throws IOException {
    List<RunFile> found = RunFile.at(place);
    if (!found.getFirst().place().equals(place)) {
      folders.add(place);
      next = System.nanoTime() + PAUSE_NANOS;
    }
    return found.stream().filter(run -> isNew(run.place())).toList();
  }

  private boolean isNew(Path place) {
    return known.add(place.toAbsolutePath().normalize());
  }

  /** Runs that have begun since the last time, or none if it is too early to look again. */
  synchronized List<RunFile> later() {
    long begin = System.nanoTime();
    if (folders.isEmpty() || begin - next < 0) {
      return List.of();
    }
    List<RunFile> found = new ArrayList<>();
    folders.forEach(folder -> look(folder, found));
    long end = System.nanoTime();
    next = end + Math.max(PAUSE_NANOS, PARTS * (end - begin));
    return found;
  }

  private void look(Path folder, List<RunFile> found) {
    try {
      for (Path child : RunFile.folders(folder)) {
        if (!known.contains(child.toAbsolutePath().normalize())) {
          one(child, found);
        }
      }
    } catch (IOException e) {
      // It may be away for a while; the next time.
    }
  }

  private void one(Path child, List<RunFile> found) {
    try {
      RunFile.in(child).filter(run -> isNew(child)).ifPresent(found::add);
    } catch (IOException e) {
      isNew(child);
      LOG.log(System.Logger.Level.WARNING, "a run is left out: {0}", e.getMessage());
    }
  }
}
