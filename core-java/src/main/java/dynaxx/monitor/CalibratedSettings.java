package dynaxx.monitor;

import dynaxx.spectrum.Update.StabilityLimit;

/** What {@link Rules.Calibration} says of the calibrated rules. */
record CalibratedSettings(
    double falseTransitionRate,
    int expectedSnapshots,
    int baseline,
    int memory,
    double reference,
    double clip,
    int coincidence,
    int confirmation,
    double correlation,
    int persistence,
    double band,
    double arithmeticNoise,
    int crossings,
    int crossingWindow,
    int cycleWindow,
    double cycleDeviations,
    double errorWeight,
    double spike,
    double learningRateJump,
    StabilityLimit stability,
    double edgeTolerance,
    double warning,
    long seed) {

  /** Checks the numbers that have a range. */
  CalibratedSettings {
    require("falseTransitionRate", falseTransitionRate, 1e-9, 0.1);
    require("expectedSnapshots", expectedSnapshots, 1, Integer.MAX_VALUE);
    require("baseline", baseline, 10, 1000);
    require("memory", memory, baseline, 100_000);
    require("reference", reference, 0.1, 2);
    require("clip", clip, reference + 0.5, 100);
    require("coincidence", coincidence, 1, 100);
    require("confirmation", confirmation, 1, 1000);
    require("correlation", correlation, 0, 1);
    require("persistence", persistence, 1, 100);
    require("band", band, 0, 100);
    require("crossings", crossings, 2, crossingWindow);
    require("cycleWindow", cycleWindow, 16, 1000);
    require("errorWeight", errorWeight, 0, 10);
    require("learningRateJump", learningRateJump, 1.01, 1e6);
    require("edgeTolerance", edgeTolerance, 0, 0.9);
    require("warning", warning, 0.01, 1);
  }

  private static void require(String name, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw new IllegalArgumentException(
          name + ": found " + value + ", expected from " + least + " to " + most);
    }
  }
}
