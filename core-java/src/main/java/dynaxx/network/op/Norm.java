package dynaxx.network.op;

import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Normalisation of the last axis: LayerNorm (Ba et al., 2016) with a shift, RMSNorm (Zhang and
 * Sennrich, 2019) without centring and shift.
 *
 * @param gamma gains, one for each element of the last axis
 * @param beta shifts, or null for none
 * @param epsilon added to the variance or mean square, at least 0
 * @param centred whether the mean is subtracted
 */
public record Norm(Parameter gamma, Parameter beta, double epsilon, boolean centred) implements Op {

  /**
   * Checks epsilon.
   *
   * @param gamma gains
   * @param beta shifts, or null
   * @param epsilon at least 0
   * @param centred whether the mean is subtracted
   */
  public Norm {
    if (!(epsilon >= 0 && epsilon < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "epsilon: found " + epsilon + ", expected a finite number of at least 0");
    }
  }

  /**
   * LayerNorm.
   *
   * @param gamma gains
   * @param beta shifts
   * @param epsilon added to the variance
   * @return the op
   */
  public static Norm layer(Parameter gamma, Parameter beta, double epsilon) {
    return new Norm(gamma, beta, epsilon, true);
  }

  /**
   * RMSNorm.
   *
   * @param gamma gains
   * @param epsilon added to the mean square
   * @return the op
   */
  public static Norm rms(Parameter gamma, double epsilon) {
    return new Norm(gamma, null, epsilon, false);
  }

  @Override
  public String name() {
    return centred ? "layer norm" : "rms norm";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Check.that(
        x.rank() > 0 && x.dim(-1) == gamma.size(), this, 0, x, "a last extent of " + gamma.size());
    if (beta != null) {
      Check.parameter(beta.size() == gamma.size(), this, beta, gamma.size() + " values");
    }
    return x;
  }

  @Override
  public List<Parameter> parameters() {
    return beta == null ? List.of(gamma) : List.of(gamma, beta);
  }

  @Override
  public Workspace workspace(List<Shape> inputs) {
    return Workspace.saved(2 * inputs.getFirst().rows());
  }

  private Normalization shape(Frame f) {
    Shape x = f.inputShape(0);
    return new Normalization(f.examples() * x.rows(), x.dim(-1), epsilon, centred);
  }

  @Override
  public boolean readsOutput() {
    return false;
  }

  @Override
  public boolean cheap() {
    return true;
  }

  @Override
  public void forward(Frame f) {
    Buffer shift = beta == null ? null : f.w(beta);
    f.device().kernels().norms().forward(shape(f), f.x(0), f.w(gamma), shift, f.y(), f.saved(0));
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .norms()
        .backward(
            shape(f),
            f.x(0),
            f.saved(0),
            f.w(gamma),
            f.dy(),
            f.active(0) ? f.dx(0) : null,
            f.adds(0),
            f.dw(gamma),
            beta == null ? null : f.dw(beta));
  }

  @Override
  public void tangentForward(Frame f) {
    Strided rbeta = beta == null ? null : f.rw(beta);
    f.device()
        .kernels()
        .norms()
        .tangent(
            shape(f),
            f.directions(),
            f.x(0),
            f.saved(0),
            f.w(gamma),
            f.rx(0),
            f.rw(gamma),
            rbeta,
            f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    f.device()
        .kernels()
        .norms()
        .tangentBackward(
            shape(f),
            f.directions(),
            f.x(0),
            f.saved(0),
            f.w(gamma),
            f.dy(),
            f.rx(0),
            f.rw(gamma),
            f.rdy(),
            f.rdx(0),
            f.adds(0),
            f.rdw(gamma),
            beta == null ? null : f.rdw(beta));
  }

  @Override
  public void curvature(Frame f) {
    if (f.active(0)) {
      f.device()
          .kernels()
          .norms()
          .curvature(
              shape(f),
              f.directions(),
              f.x(0),
              f.saved(0),
              f.w(gamma),
              f.dy(),
              f.rx(0),
              f.rw(gamma),
              f.curvature());
    }
  }
}
