package dynaxx.monitor;

import dynaxx.monitor.InstabilityForecast.Feature;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Coefficients of a logistic regression, for what may be known of a run.
 *
 * @param features that it takes
 * @param intercept of the linear predictor
 * @param weights one for each feature, for values as they are
 */
record InstabilityModel(List<Feature> features, double intercept, double... weights) {

  /** With batch sharpness, with the optimizer's own sharpness, with lambda_max, without any. */
  private static final List<InstabilityModel> FITTED =
      List.of(
          new InstabilityModel(
              List.of(Feature.MARGIN, Feature.BATCH_MARGIN, Feature.RATE_GROWTH, Feature.RISE),
              -2.073,
              0.600,
              0.310,
              1.156,
              1.436),
          new InstabilityModel(
              List.of(Feature.MARGIN, Feature.RATE_GROWTH, Feature.RISE),
              -2.354,
              0.867,
              1.074,
              1.398),
          new InstabilityModel(
              List.of(Feature.MARGIN_GROWTH, Feature.RATE_GROWTH, Feature.RISE),
              -3.057,
              0.525,
              0.897,
              1.898),
          new InstabilityModel(List.of(Feature.RATE_GROWTH, Feature.RISE), -3.024, 1.138, 1.940));

  /** The one that uses all that is known. */
  static InstabilityModel of(Map<Feature, Double> known) {
    return FITTED.stream()
        .filter(model -> known.keySet().containsAll(model.features))
        .findFirst()
        .orElseThrow();
  }

  /** All, the one that needs most first. */
  static List<InstabilityModel> all() {
    return FITTED;
  }

  double probability(Map<Feature, Double> known) {
    double sum = intercept;
    for (int i = 0; i < weights.length; i++) {
      sum += weights[i] * known.get(features.get(i));
    }
    return 1 / (1 + Math.exp(-sum));
  }

  @Override
  public String toString() {
    return features + ": " + intercept + " " + Arrays.toString(weights);
  }
}
