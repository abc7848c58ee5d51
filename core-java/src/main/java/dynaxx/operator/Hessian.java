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
 * The Hessian of a loss over a fixed batch, at the parameters of the last {@link #linearize}.
 * Products are tangent passes only (Pearlmutter, 1994), at twice the matrix products of a gradient;
 * quadratic forms cost half of that and keep no tangent beyond its layer.
 */
public final class Hessian extends NetworkOperator {

  private TangentSweep products;
  private TangentSweep forms;
  private Scalars scalars;

  /**
   * The Hessian over a batch with default limits.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param backend where to compute
   */
  public Hessian(Network network, Loss loss, Batch batch, Backend backend) {
    this(network, loss, batch, backend, Limits.DEFAULT);
  }

  /**
   * The Hessian over a batch.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param backend where to compute
   * @param limits memory, micro-batch and directions
   * @throws IllegalArgumentException if the batch does not fit the network and the loss, or one
   *     example (all of them, if the network couples its examples) does not fit the memory limit
   */
  public Hessian(Network network, Loss loss, Batch batch, Backend backend, Limits limits) {
    super("hessian", network, loss, batch, backend, limits, tangentBytes(network));
  }

  private static long tangentBytes(Network network) {
    return TangentSweep.bytesPerExample(network, Kind.PRODUCT)
        + TangentSweep.bytesPerExample(network, Kind.QUADRATIC);
  }

  @Override
  public Hessian linearize(HostBuffer values) {
    super.linearize(values);
    return this;
  }

  @Override
  void addProducts(Tape tape, Vectors v, Vectors hv) {
    if (products == null) {
      products = sweep(Kind.PRODUCT);
    }
    products.addProducts(tape, v, hv);
  }

  @Override
  double[] quadraticForms(Tape tape, Vectors v) {
    if (forms == null) {
      forms = sweep(Kind.QUADRATIC);
      scalars = backend().scalars(scope(), directions());
    }
    scalars.clear();
    forms.addQuadraticForms(tape, v, scalars);
    return scalars.read();
  }

  private TangentSweep sweep(Kind kind) {
    TangentSweep sweep = new TangentSweep(network(), kind, backend(), microBatch(), directions());
    scope().onClose(sweep::close);
    return sweep;
  }

  @Override
  Hessian over(Batch hostBatch, Backend other, Limits limits) {
    return new Hessian(network(), lossFunction(), hostBatch, other, limits);
  }

  @Override
  boolean usesAdjoints() {
    return true;
  }
}
