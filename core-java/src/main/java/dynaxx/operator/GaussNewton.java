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

  /**
   * KFAC, an approximation of this matrix that can be inverted (Martens and Grosse, 2015): for each
   * linear layer {@code A (x) G}, A the mean of {@code x x'} over its inputs x, with a one for the
   * bias, and G the sum of {@code g g'} over what the columns of a root of the loss's Hessian
   * become at its output. Convolutions have the pixels below the kernel as inputs, at each place
   * (Grosse and Martens, 2016), with factors for each group; positions of a sequence and places of
   * an image count like examples of their own ("expand", Eschenhagen et al., 2023). Parameters of
   * other ops, and those that several ops share, have the exact diagonal of this matrix; all
   * between layers is left out.
   *
   * <p>Exact except for rounding, if no columns are left out, on one example with one row of inputs
   * and one layer; and block by block where every layer sees one row of an example, on a deep
   * linear network with a squared error or on a single example.
   *
   * <p>The result does not change when this operator moves. Its {@link SymmetricOperator#shifted}
   * has a {@link SymmetricOperator#solve} that costs one product, and one more for the residual. It
   * takes a backward pass for each column and, on one thread, about {@code 9 (m^3 + n^3)}
   * operations for a layer of m outputs and n inputs.
   *
   * @param columns the most columns of the loss's root that are passed back for an example: one for
   *     each prediction. If there are more, as many random combinations of them: the factors are
   *     then unbiased estimates, and their largest eigenvalues too large
   * @param seed of the combinations
   * @return the approximation at the last point; the caller closes it
   * @throws IllegalStateException before {@link #linearize}
   * @throws IllegalArgumentException if the number of columns is below 1, the network or the loss
   *     couples its examples, the loss is not convex in the predictions, or the factors do not fit
   *     the memory limit
   * @throws NonFiniteException if a factor is NaN or infinite
   */
  public SymmetricOperator kfac(int columns, long seed) {
    return kronecker("kfac", columns, seed);
  }

  /**
   * EKFAC (George et al., 2018): {@link #kfac} with the exact diagonal of this matrix in the
   * eigenvectors of the factors, in place of products of their eigenvalues. Of all matrices with
   * these eigenvectors it is the nearest in Frobenius norm, and its trace is exact if no columns
   * are left out. Takes the backward passes twice.
   *
   * @param columns as for {@link #kfac}
   * @param seed as for {@link #kfac}
   * @return the approximation at the last point; the caller closes it
   * @throws IllegalStateException before {@link #linearize}
   * @throws IllegalArgumentException as {@link #kfac}
   * @throws NonFiniteException if a value is NaN or infinite
   */
  public SymmetricOperator ekfac(int columns, long seed) {
    return kronecker("ekfac", columns, seed);
  }

  private SymmetricOperator kronecker(String name, int columns, long seed) {
    requirePoint();
    if (columns < 1) {
      throw new IllegalArgumentException("columns: found " + columns + ", expected at least 1");
    }
    return exclusively(
        () -> {
          SymmetricOperator[] found = new SymmetricOperator[1];
          recordings()
              .with(
                  () -> {
                    freeSweeps();
                    found[0] = Kronecker.of(name, this, columns, seed);
                  });
          return found[0];
        });
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
  boolean usesAdjoints() {
    return false;
  }
}
