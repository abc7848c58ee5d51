package dynaxx.dashboard;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The last few answers, so that a state of a run is written down once and not once for each viewer.
 */
final class Answers {

  private static final int MOST = 64;
  private static final long MOST_BYTES = 32L << 20;

  private final Map<List<?>, byte[]> kept = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;

  /**
   * An answer, made if it is not known.
   *
   * @param key all that it depends on
   * @param body makes it
   */
  synchronized byte[] of(List<?> key, RunView.Body body) {
    byte[] known = kept.get(key);
    if (known != null) {
      return known;
    }
    byte[] made = RunView.json(body);
    kept.put(key, made);
    bytes += made.length;
    var oldest = kept.entrySet().iterator();
    while ((bytes > MOST_BYTES || kept.size() > MOST) && oldest.hasNext()) {
      bytes -= oldest.next().getValue().length;
      oldest.remove();
    }
    return made;
  }

  synchronized long bytes() {
    return bytes;
  }
}
