package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.spectrum.Update;
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
  public Update coming(
      HostBuffer parameters, HostBuffer gradient, double learningRate, Scope scope) {
    HostBuffer change = scope.allocate(parameters.size());
    float rate = (float) learningRate;
    for (int i = 0; i < change.size(); i++) {
      change.set(i, -rate * next(i, parameters.get(i), gradient.get(i)));
    }
    return Update.momentum(learningRate, momentum, weightDecay).step(change);
  }

  private float next(int i, float parameter, float gradient) {
    float before = velocity == null ? 0 : velocity[i];
    return momentum * before + gradient + weightDecay * parameter;
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
      velocity[i] = next(i, w, gradient.get(i));
      parameters.set(i, w - rate * velocity[i]);
    }
  }
}
