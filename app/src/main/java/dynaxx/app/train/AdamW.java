package dynaxx.app.train;

import dynaxx.memory.HostBuffer;

/** Adam with decoupled weight decay on all parameters (Loshchilov and Hutter, 2019). */
public final class AdamW implements Optimizer {

  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final float EPSILON = 1e-8f;

  private final double weightDecay;
  private float[] mean;
  private float[] square;
  private int steps;

  public AdamW(double weightDecay) {
    this.weightDecay = weightDecay;
  }

  @Override
  public String name() {
    return "adamw";
  }

  @Override
  public void step(HostBuffer parameters, HostBuffer gradient, double learningRate) {
    int n = Math.toIntExact(parameters.size());
    if (mean == null) {
      mean = new float[n];
      square = new float[n];
    }
    steps++;
    float rate = (float) (learningRate / (1 - Math.pow(BETA1, steps)));
    float correction = (float) (1 / Math.sqrt(1 - Math.pow(BETA2, steps)));
    float keep = (float) (1 - learningRate * weightDecay);
    float b1 = (float) BETA1;
    float b2 = (float) BETA2;
    for (int i = 0; i < n; i++) {
      float g = gradient.get(i);
      mean[i] = b1 * mean[i] + (1 - b1) * g;
      square[i] = b2 * square[i] + (1 - b2) * g * g;
      float scale = (float) Math.sqrt(square[i]) * correction + EPSILON;
      parameters.set(i, keep * parameters.get(i) - rate * mean[i] / scale);
    }
  }
}
