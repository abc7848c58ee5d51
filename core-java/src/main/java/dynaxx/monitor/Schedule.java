package dynaxx.monitor;

import dynaxx.cost.ArticleSchedule;

/** How many steps lie between snapshots; a budget can make them more. */
sealed interface Schedule {

  /**
   * Steps to the next snapshot.
   *
   * @param step of the last snapshot, or 0
   * @param batchSize examples of a batch, 0 if not known
   * @return at least 1
   */
  int interval(long step, double batchSize);

  /**
   * The article's table: every 100 steps below 100 million parameters, 200 to 500 up to a billion,
   * 1000 above; twice as often in the first fifth of the training; at most 50 for batches up to 128
   * (where the article says small), at least 500 above 4096. Odd and even steps take turns, as
   * training at the edge of stability oscillates from step to step.
   *
   * @param parameters of the model, 0 if not known (and then taken as small)
   * @param steps of the whole training, 0 if not known
   */
  record Article(long parameters, long steps) implements Schedule {

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if one is negative
     */
    public Article {
      if (parameters < 0 || steps < 0) {
        throw new IllegalArgumentException(
            "parameters, steps: found " + parameters + ", " + steps + ", expected at least 0");
      }
    }

    @Override
    public int interval(long step, double batchSize) {
      double interval = ArticleSchedule.interval(parameters, batchSize);
      boolean early = step < 0.2 * steps;
      return (int) Math.max(1, Math.round(early ? interval / 2 : interval));
    }
  }

  /**
   * At the multiples of a number of steps.
   *
   * @param steps at least 1
   */
  record Every(int steps) implements Schedule {

    /**
     * Checks the value.
     *
     * @throws IllegalArgumentException if it is below 1
     */
    public Every {
      if (steps < 1) {
        throw new IllegalArgumentException("steps: found " + steps + ", expected at least 1");
      }
    }

    @Override
    public int interval(long step, double batchSize) {
      return (int) (steps - step % steps);
    }
  }
}
