package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.operator.Adam;
import dynaxx.operator.SymmetricOperator;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Optional;

/** Adam with decoupled weight decay on all parameters (Loshchilov and Hutter, 2019). */
public final class AdamW implements Optimizer {

  private static final double BETA2 = 0.999;
  private static final float EPSILON = 1e-8f;

  private final double weightDecay;
  private double beta1 = 0.9;
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
  public double momentum() {
    return beta1;
  }

  @Override
  public void setMomentum(double momentum) {
    beta1 = momentum;
  }

  @Override
  public void reset() {
    mean = null;
    square = null;
    steps = 0;
  }

  @Override
  public Optional<SymmetricOperator> precondition(SymmetricOperator hessian) {
    if (square == null) {
      return Optional.empty();
    }
    try (Scope scope = Scope.open()) {
      HostBuffer moment = scope.allocate(square.length).put(square);
      Adam adam = new Adam(steps, beta1, BETA2, EPSILON);
      return Optional.of(hessian.preconditioned(moment, adam));
    }
  }

  @Override
  public void save(DataOutput out) throws IOException {
    out.writeDouble(beta1);
    out.writeInt(steps);
    Floats.write(out, mean);
    Floats.write(out, square);
  }

  @Override
  public void load(DataInput in) throws IOException {
    beta1 = in.readDouble();
    steps = in.readInt();
    mean = Floats.read(in);
    square = Floats.read(in);
  }

  @Override
  public void step(HostBuffer parameters, HostBuffer gradient, double learningRate) {
    int n = Math.toIntExact(parameters.size());
    if (mean == null) {
      mean = new float[n];
      square = new float[n];
    }
    steps++;
    float rate = (float) (learningRate / (1 - Math.pow(beta1, steps)));
    float correction = (float) (1 / Math.sqrt(1 - Math.pow(BETA2, steps)));
    float keep = (float) (1 - learningRate * weightDecay);
    float b1 = (float) beta1;
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
