package dynaxx.monitor;

import dynaxx.monitor.InstabilityForecast.Feature;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Coefficients of a logistic regression, for what may be known of a run.
 *
 * @param features that it takes
 * @param intercept of the linear predictor
 * @param weights one for each feature, for values as they are
 */
record InstabilityModel(List<Feature> features, double intercept, double... weights) {

  /** With the optimizer's own sharpness, with lambda_max alone, and without snapshots. */
  private static final List<InstabilityModel> FITTED =
      List.of(
          new InstabilityModel(
              List.of(Feature.MARGIN, Feature.MARGIN_GROWTH, Feature.RATE_GROWTH, Feature.RISE),
              -1.5,
              0.8,
              0,
              1.5,
              2),
          new InstabilityModel(
              List.of(Feature.MARGIN_GROWTH, Feature.RATE_GROWTH, Feature.RISE), -3, 0.5, 1.5, 2),
          new InstabilityModel(List.of(Feature.RATE_GROWTH, Feature.RISE), -3, 1.5, 2));

  /** The one that uses all that is known. */
  static InstabilityModel of(Map<Feature, Double> known) {
    return FITTED.stream()
        .filter(model -> known.keySet().containsAll(model.features))
        .findFirst()
        .orElseThrow();
  }

  /** Sets of features that there is a model for. */
  static List<Set<Feature>> kinds() {
    return FITTED.stream().map(model -> Set.copyOf(model.features)).toList();
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
