package dynaxx.app.train;

/**
 * Linear warm-up, then always the same.
 *
 * @param peak learning rate after the warm-up
 * @param warmup steps of the warm-up
 */
public record WarmupConstant(double peak, int warmup) implements LearningRates {
  @Override
  public double at(int step) {
    return step < warmup ? peak * (step + 1) / warmup : peak;
  }
}
