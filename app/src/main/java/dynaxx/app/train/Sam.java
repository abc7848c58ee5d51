package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import dynaxx.operator.SymmetricOperator;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Optional;

/**
 * Sharpness-aware minimisation: a step by the gradient at the highest point nearby, which to first
 * order is {@code w + rho g / |g|} (SAM; Foret et al., 2021) or, with {@code t = |w| + 0.01},
 * {@code w + rho t^2 g / |t g|} (ASAM; Kwon et al., 2021). Where the gradient is zero so is the way
 * there.
 */
public final class Sam implements Optimizer {

  private static final float LEAST_SCALE = 0.01f;

  /** Keeps the quotient finite at a zero gradient. */
  private static final double TINY = 1e-12;

  private final Optimizer base;
  private final double radius;
  private final boolean adaptive;
  private float[] home;

  /**
   * Wraps an optimizer.
   *
   * @param base makes the step
   * @param radius rho
   * @param adaptive ASAM instead of SAM
   */
  public Sam(Optimizer base, double radius, boolean adaptive) {
    this.base = base;
    this.radius = radius;
    this.adaptive = adaptive;
  }

  @Override
  public String name() {
    return (adaptive ? "asam" : "sam") + " on " + base.name();
  }

  @Override
  public double momentum() {
    return base.momentum();
  }

  @Override
  public void setMomentum(double momentum) {
    base.setMomentum(momentum);
  }

  @Override
  public void reset() {
    base.reset();
  }

  @Override
  public Optional<SymmetricOperator> precondition(SymmetricOperator hessian) {
    return base.precondition(hessian);
  }

  @Override
  public void save(DataOutput out) throws IOException {
    base.save(out);
  }

  @Override
  public void load(DataInput in) throws IOException {
    base.load(in);
  }

  /** Without a second look it is the base's step. */
  @Override
  public void step(HostBuffer parameters, HostBuffer gradient, double learningRate) {
    base.step(parameters, gradient, learningRate);
  }

  @Override
  public void step(HostBuffer parameters, HostBuffer gradient, double learningRate, Runnable look) {
    climb(parameters, gradient);
    look.run();
    parameters.put(home);
    base.step(parameters, gradient, learningRate);
  }

  private void climb(HostBuffer parameters, HostBuffer gradient) {
    home = parameters.toArray();
    double squares = 0;
    for (int i = 0; i < home.length; i++) {
      double scaled = scale(home[i]) * (double) gradient.get(i);
      squares += scaled * scaled;
    }
    double factor = radius / (Math.sqrt(squares) + TINY);
    for (int i = 0; i < home.length; i++) {
      double t = scale(home[i]);
      parameters.set(i, (float) (home[i] + factor * t * t * gradient.get(i)));
    }
  }

  private float scale(float weight) {
    return adaptive ? Math.abs(weight) + LEAST_SCALE : 1;
  }
}
