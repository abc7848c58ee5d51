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
 * The Hessian of a loss over a fixed batch, at the parameters of the last {@link #linearize}.
 * Products are tangent passes only (Pearlmutter, 1994), at twice the matrix products of a gradient;
 * quadratic forms cost half of that and keep no tangent beyond its layer.
 */
public final class Hessian extends TangentOperator {

  /**
   * The Hessian over a batch with default limits.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param device where to compute
   */
  public Hessian(Network network, Loss loss, Batch batch, Device device) {
    this(network, loss, batch, device, Limits.DEFAULT);
  }

  /**
   * The Hessian over a batch.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param device where to compute
   * @param limits memory, micro-batch and directions
   * @throws IllegalArgumentException if the batch does not fit the network and the loss, or one
   *     example (all of them, if the network couples its examples) does not fit the memory limit
   */
  public Hessian(Network network, Loss loss, Batch batch, Device device, Limits limits) {
    super("hessian", Kind.PRODUCT, network, loss, batch, device, limits);
  }

  @Override
  public Hessian linearize(Buffer values) {
    super.linearize(values);
    return this;
  }

  @Override
  void addProducts(TangentSweep sweep, Tape tape, Vectors v, Vectors hv) {
    sweep.addProducts(tape, v, hv);
  }

  @Override
  void addForms(TangentSweep sweep, Tape tape, Vectors v) {
    sweep.addQuadraticForms(tape, v);
  }

  @Override
  boolean usesAdjoints() {
    return true;
  }
}
