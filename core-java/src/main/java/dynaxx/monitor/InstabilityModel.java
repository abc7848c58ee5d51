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
              -2.131,
              0.521,
              0.409,
              1.276,
              1.237),
          new InstabilityModel(
              List.of(Feature.MARGIN, Feature.RATE_GROWTH, Feature.RISE),
              -2.479,
              0.870,
              1.141,
              1.129),
          new InstabilityModel(
              List.of(Feature.MARGIN_GROWTH, Feature.RATE_GROWTH, Feature.RISE),
              -3.126,
              0.440,
              0.999,
              1.602),
          new InstabilityModel(List.of(Feature.RATE_GROWTH, Feature.RISE), -3.090, 1.164, 1.652));

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
