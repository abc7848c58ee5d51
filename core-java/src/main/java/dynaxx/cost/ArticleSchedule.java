package dynaxx.cost;

/**
 * The article's table of steps between snapshots: every 100 steps below 100 million parameters, 200
 * to 500 up to a billion, 1000 above; at most 50 for batches up to 128 (where the article says
 * small), at least 500 above 4096.
 */
public final class ArticleSchedule {

  private static final long SMALL_MODEL = 100_000_000;
  private static final long LARGE_MODEL = 1_000_000_000;
  private static final double SMALL_BATCH = 128;
  private static final double LARGE_BATCH = 4096;

  private ArticleSchedule() {}

  /**
   * Steps between two snapshots.
   *
   * @param parameters of the model, 0 if not known (and then taken as small)
   * @param batchSize examples of a batch, 0 if not known
   * @return steps
   */
  public static double interval(long parameters, double batchSize) {
    double interval = ofSize(parameters);
    if (batchSize > LARGE_BATCH) {
      return Math.max(interval, 500);
    }
    return batchSize > 0 && batchSize <= SMALL_BATCH ? Math.min(interval, 50) : interval;
  }

  private static double ofSize(long parameters) {
    if (parameters < SMALL_MODEL) {
      return 100;
    }
    if (parameters > LARGE_MODEL) {
      return 1000;
    }
    double position =
        Math.log((double) parameters / SMALL_MODEL) / Math.log((double) LARGE_MODEL / SMALL_MODEL);
    return 200 + 300 * position;
  }
}
