package dynaxx.monitor;

/**
 * Numbers of the rules of the article "dynaxx dissection: probing phase transitions in neural
 * network loss landscapes". Where the article leaves one open, its value here is a choice, and says
 * so.
 *
 * @param recent snapshots whose median is the recent level; default 5 (chosen)
 * @param magnitude factor by which lambda_min must fall against its recent level; default 10
 * @param smallLambda lambda_min below which a spike of the gradient variance is a precursor;
 *     default 0.1
 * @param varianceSpike factor against the recent level that is a spike of the gradient variance;
 *     default 3 (chosen)
 * @param traceRise factor against the recent level that is a sudden rise of the trace; default 2
 *     (chosen)
 * @param decline snapshots of linear decrease before a dip; default 5 (chosen)
 * @param linearity part of the variance of lambda_min that a falling line must explain to be a
 *     linear decrease; default 0.9 (chosen)
 * @param dip how far below the line lambda_min must be, in decreases from one snapshot to the next;
 *     default 2 (chosen)
 * @param smoothing most snapshots in the moving average, of which there must be three; default 5
 * @param smoothingSteps longest stretch of training in the moving average, where it holds three
 *     snapshots; default 500 steps
 * @param hold steps for which smoothed lambda_min must stay on the other side of zero; default 100
 * @param crossings of zero by lambda_min in the window that are an instability; default 3 (chosen)
 * @param crossingWindow snapshots in that window; default 10 (chosen)
 * @param cycleWindow snapshots that are searched for a period, which can be at most a third of
 *     them; default 64 (chosen)
 * @param restartGuard steps after a restart in which nothing is reported; default 500 (chosen)
 * @param deepLayers layers above which the gradient variance takes the place of lambda_min; default
 *     50
 * @param withinNoise snapshots in a row with lambda_min within its residual of zero, after which
 *     the gradient variance takes its place; default 10 (chosen)
 * @param largeBatch batch size above which more evidence is needed; default 4096
 * @param layers of the network, 0 if not known
 * @param smooth whether the activations have a second derivative everywhere, as GELU and tanh have;
 *     if not, more evidence is needed
 */
record ArticleSettings(
    int recent,
    double magnitude,
    double smallLambda,
    double varianceSpike,
    double traceRise,
    int decline,
    double linearity,
    double dip,
    int smoothing,
    long smoothingSteps,
    long hold,
    int crossings,
    int crossingWindow,
    int cycleWindow,
    long restartGuard,
    int deepLayers,
    int withinNoise,
    double largeBatch,
    int layers,
    boolean smooth) {

  /** Snapshots without which there is no moving average. */
  static final int LEAST_SMOOTHING = 3;

  /**
   * Checks the numbers that have a range.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  ArticleSettings {
    require("recent", recent, 1);
    require("magnitude", magnitude, 1);
    require("varianceSpike", varianceSpike, 1);
    require("traceRise", traceRise, 1);
    require("decline", decline, 3);
    require("smoothing", smoothing, LEAST_SMOOTHING);
    require("smoothingSteps", smoothingSteps, 1);
    require("hold", hold, 0);
    require("crossings", crossings, 2);
    require("crossingWindow", crossingWindow, crossings);
    require("cycleWindow", cycleWindow, 16);
    require("restartGuard", restartGuard, 0);
    require("withinNoise", withinNoise, 1);
    require("layers", layers, 0);
  }

  private static void require(String name, double value, double least) {
    if (!(value >= least)) {
      throw new IllegalArgumentException(
          name + ": found " + value + ", expected at least " + least);
    }
  }

  /**
   * The article's numbers, for a network of unknown depth with smooth activations.
   *
   * @return the defaults
   */
  static ArticleSettings defaults() {
    return new ArticleSettings(
        5, 10, 0.1, 3, 2, 5, 0.9, 2, 5, 500, 100, 3, 10, 64, 500, 50, 10, 4096, 0, true);
  }

  /**
   * The same for a known network.
   *
   * @param depth its layers
   * @param smoothActivations whether its activations have a second derivative everywhere
   * @return new settings
   */
  ArticleSettings withNetwork(int depth, boolean smoothActivations) {
    return new ArticleSettings(
        recent,
        magnitude,
        smallLambda,
        varianceSpike,
        traceRise,
        decline,
        linearity,
        dip,
        smoothing,
        smoothingSteps,
        hold,
        crossings,
        crossingWindow,
        cycleWindow,
        restartGuard,
        deepLayers,
        withinNoise,
        largeBatch,
        depth,
        smoothActivations);
  }
}
