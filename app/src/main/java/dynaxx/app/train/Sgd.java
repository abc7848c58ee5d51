package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** Gradient descent with heavy-ball momentum and L2 decay, as PyTorch defines it. */
public final class Sgd implements Optimizer {

  private float momentum;
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
  public double momentum() {
    return momentum;
  }

  @Override
  public void setMomentum(double momentum) {
    this.momentum = (float) momentum;
  }

  @Override
  public void reset() {
    velocity = null;
  }

  @Override
  public void save(DataOutput out) throws IOException {
    out.writeFloat(momentum);
    Floats.write(out, velocity);
  }

  @Override
  public void load(DataInput in) throws IOException {
    momentum = in.readFloat();
    velocity = Floats.read(in);
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
