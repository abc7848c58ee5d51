package dynaxx.app.train;

/**
 * Linear warm-up, then half a cosine down to zero (Loshchilov and Hutter, 2017).
 *
 * @param peak learning rate at the end of the warm-up
 * @param warmup steps of the warm-up
 * @param total steps of the run
 */
public record WarmupCosine(double peak, int warmup, int total) implements LearningRates {

  @Override
  public double at(int step) {
    if (step < warmup) {
      return peak * (step + 1) / warmup;
    }
    double progress = (step - warmup) / (double) Math.max(1, total - warmup);
    return peak * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
  }
}
