package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.operator.Adam;
import dynaxx.spectrum.Update;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

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
  public Update coming(
      HostBuffer parameters, HostBuffer gradient, double learningRate, Scope scope) {
    HostBuffer change = scope.allocate(parameters.size());
    HostBuffer second = scope.allocate(parameters.size());
    Coefficients c = new Coefficients(learningRate, steps + 1);
    for (int i = 0; i < change.size(); i++) {
      float g = gradient.get(i);
      float w = parameters.get(i);
      float v = c.square(square == null ? 0 : square[i], g);
      second.set(i, v);
      change.set(i, c.next(w, c.mean(mean == null ? 0 : mean[i], g), v) - w);
    }
    Adam settings = new Adam(steps + 1, beta1, BETA2, EPSILON);
    return Update.adam(learningRate, settings, second, weightDecay).step(change);
  }

  @Override
  public void step(HostBuffer parameters, HostBuffer gradient, double learningRate) {
    int n = Math.toIntExact(parameters.size());
    if (mean == null) {
      mean = new float[n];
      square = new float[n];
    }
    steps++;
    Coefficients c = new Coefficients(learningRate, steps);
    for (int i = 0; i < n; i++) {
      float g = gradient.get(i);
      mean[i] = c.mean(mean[i], g);
      square[i] = c.square(square[i], g);
      parameters.set(i, c.next(parameters.get(i), mean[i], square[i]));
    }
  }

  /** What is the same for all parameters in a step. */
  private final class Coefficients {
    private final float rate;
    private final float correction;
    private final float keep;
    private final float b1 = (float) beta1;
    private final float b2 = (float) BETA2;

    Coefficients(double learningRate, int step) {
      rate = (float) (learningRate / (1 - Math.pow(beta1, step)));
      correction = (float) (1 / Math.sqrt(1 - Math.pow(BETA2, step)));
      keep = (float) (1 - learningRate * weightDecay);
    }

    float mean(float before, float g) {
      return b1 * before + (1 - b1) * g;
    }

    float square(float before, float g) {
      return b2 * before + (1 - b2) * g * g;
    }

    float next(float parameter, float mean, float square) {
      float scale = (float) Math.sqrt(square) * correction + EPSILON;
      return keep * parameter - rate * mean / scale;
    }
  }
}
