package dynaxx.app.train;

import dynaxx.memory.HostBuffer;

/** Gradient descent with heavy-ball momentum and L2 decay, as PyTorch defines it. */
public final class Sgd implements Optimizer {

  private final float momentum;
  private final float weightDecay;
  private float[] velocity;

  public Sgd(double momentum, double weightDecay) {
    this.momentum = (float) momentum;
    this.weightDecay = (float) weightDecay;
  }

  @Override
  public String name() {
    return "sgd";
  }

  @Override
  public void step(HostBuffer parameters, HostBuffer gradient, double learningRate) {
    int n = Math.toIntExact(parameters.size());
    if (velocity == null) {
      velocity = new float[n];
    }
    float rate = (float) learningRate;
    for (int i = 0; i < n; i++) {
      float w = parameters.get(i);
      velocity[i] = momentum * velocity[i] + gradient.get(i) + weightDecay * w;
      parameters.set(i, w - rate * velocity[i]);
    }
  }
}
