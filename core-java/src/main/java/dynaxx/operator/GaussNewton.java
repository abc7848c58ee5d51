package dynaxx.operator;

import dynaxx.backend.Backend;
import dynaxx.backend.Scalars;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.TangentSweep;
import dynaxx.network.TangentSweep.Kind;
import dynaxx.network.Tape;

/**
 * The generalised Gauss-Newton matrix {@code G = sum over examples of J' (d2 loss) J} over a fixed
 * batch (Schraudolph, 2002), J the derivative of an example's predictions by the parameters: the
 * Hessian without the curvature of the network itself. Positive semidefinite if the loss is convex
 * in the predictions, and for softmax cross-entropy the Fisher information matrix of the model's
 * own distribution.
 *
 * <p>A product is tangentForward, the loss and one plain backward pass: four thirds of the matrix
 * products of a gradient. A quadratic form is tangentForward alone, two thirds.
 */
public final class GaussNewton extends NetworkOperator {

  private TangentSweep products;
  private TangentSweep forms;
  private Scalars scalars;

  /**
   * The Gauss-Newton matrix over a batch with default limits.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param backend where to compute
   */
  public GaussNewton(Network network, Loss loss, Batch batch, Backend backend) {
    this(network, loss, batch, backend, Limits.DEFAULT);
  }

  /**
   * The Gauss-Newton matrix over a batch.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param backend where to compute
   * @param limits memory, micro-batch and directions
   * @throws IllegalArgumentException if the batch does not fit the network and the loss, or one
   *     example (all of them, if the network couples its examples) does not fit the memory limit
   */
  public GaussNewton(Network network, Loss loss, Batch batch, Backend backend, Limits limits) {
    super("gauss-newton", network, loss, batch, backend, limits, tangentBytes(network));
  }

  private static long tangentBytes(Network network) {
    return TangentSweep.bytesPerExample(network, Kind.GAUSS_NEWTON)
        + TangentSweep.bytesPerExample(network, Kind.QUADRATIC);
  }

  @Override
  public GaussNewton linearize(HostBuffer values) {
    super.linearize(values);
    return this;
  }

  @Override
  void addProducts(Tape tape, Vectors v, Vectors gv) {
    if (products == null) {
      products = sweep(Kind.GAUSS_NEWTON);
    }
    products.addGaussNewtonProducts(tape, v, gv);
  }

  @Override
  double[] quadraticForms(Tape tape, Vectors v) {
    if (forms == null) {
      forms = sweep(Kind.QUADRATIC);
      scalars = backend().scalars(scope(), directions());
    }
    scalars.clear();
    forms.addGaussNewtonForms(tape, v, scalars);
    return scalars.read();
  }

  private TangentSweep sweep(Kind kind) {
    TangentSweep sweep = new TangentSweep(network(), kind, backend(), microBatch(), directions());
    scope().onClose(sweep::close);
    return sweep;
  }

  @Override
  GaussNewton over(Batch hostBatch, Backend other, Limits limits) {
    return new GaussNewton(network(), lossFunction(), hostBatch, other, limits);
  }

  @Override
  boolean usesAdjoints() {
    return false;
  }
}
