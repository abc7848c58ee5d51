package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.TangentSweep;
import dynaxx.network.pass.TangentSweep.Kind;
import dynaxx.network.pass.Tape;

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
public final class GaussNewton extends TangentOperator {

  /**
   * The Gauss-Newton matrix over a batch with default limits.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param device where to compute
   */
  public GaussNewton(Network network, Loss loss, Batch batch, Device device) {
    this(network, loss, batch, device, Limits.DEFAULT);
  }

  /**
   * The Gauss-Newton matrix over a batch.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param device where to compute
   * @param limits memory, micro-batch and directions
   * @throws IllegalArgumentException if the batch does not fit the network and the loss, or one
   *     example (all of them, if the network couples its examples) does not fit the memory limit
   */
  public GaussNewton(Network network, Loss loss, Batch batch, Device device, Limits limits) {
    super("gauss-newton", Kind.GAUSS_NEWTON, network, loss, batch, device, limits);
  }

  @Override
  public GaussNewton linearize(Buffer values) {
    super.linearize(values);
    return this;
  }

  @Override
  void addProducts(TangentSweep sweep, Tape tape, Vectors v, Vectors hv) {
    sweep.addGaussNewtonProducts(tape, v, hv);
  }

  @Override
  void addForms(TangentSweep sweep, Tape tape, Vectors v) {
    sweep.addGaussNewtonForms(tape, v);
  }

  @Override
  GaussNewton over(Batch hostBatch, Device other, Limits limits) {
    return new GaussNewton(network(), lossFunction(), hostBatch, other, limits);
  }

  @Override
  boolean usesAdjoints() {
    return false;
  }
}
