package dynaxx.operator;

import dynaxx.dense.SymmetricEigen;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.ExampleGram;
import dynaxx.network.pass.FisherSweep;
import dynaxx.network.pass.Tape;

/**
 * The empirical Fisher matrix {@code F = (1/N) sum of g_i g_i'} over a fixed batch, g_i the
 * gradient of example i's loss: the uncentred covariance of the gradients. An example of a language
 * model is a sequence, its loss the mean over its positions. Not the Fisher information: targets
 * are those of the data, not drawn from the model (Kunstner, Balles and Hennig, 2019).
 *
 * <p>A product costs two matrix products a linear layer, two thirds of a gradient; a quadratic form
 * one. The rank is at most N, and all nonzero eigenvalues follow from the N x N Gram matrix of the
 * gradients without any iteration: {@link #leading}.
 */
public final class EmpiricalFisher extends NetworkOperator {

  private Scope sweepScope;
  private FisherSweep sweep;

  /**
   * The empirical Fisher matrix over a batch with default limits.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param device where to compute
   */
  public EmpiricalFisher(Network network, Loss loss, Batch batch, Device device) {
    this(network, loss, batch, device, Limits.DEFAULT);
  }

  /**
   * The empirical Fisher matrix over a batch.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples and targets; their memory must stay unchanged
   * @param device where to compute
   * @param limits memory, micro-batch and directions
   * @throws IllegalArgumentException if the batch does not fit the network and the loss, one
   *     example does not fit the memory limit, or the network couples its examples
   */
  public EmpiricalFisher(Network network, Loss loss, Batch batch, Device device, Limits limits) {
    super("empirical fisher", network, loss, batch, device, limits, tangentBytes(network, loss));
  }

  private static long tangentBytes(Network network, Loss loss) {
    network.requireSeparateExamples("empirical fisher");
    loss.requireSeparateExamples("empirical fisher");
    return FisherSweep.bytesPerExample(network);
  }

  @Override
  public EmpiricalFisher linearize(Buffer values) {
    super.linearize(values);
    return this;
  }

  @Override
  void addProducts(Tape tape, Vectors v, Vectors fv) {
    sweep().addProducts(tape, v, fv);
  }

  @Override
  double[] quadraticForms(Tape tape, Vectors v) {
    return sweep().quadraticForms(tape, v);
  }

  @Override
  void released() {
    sweep = null;
  }

  private FisherSweep sweep() {
    if (sweep == null) {
      sweepScope = recordings().workScope().child();
      sweep = new FisherSweep(network(), device(), microBatch(), directions());
      sweepScope.onClose(sweep::close);
    }
    return sweep;
  }

  @Override
  EmpiricalFisher over(Batch hostBatch, Device other, Limits limits) {
    return new EmpiricalFisher(network(), lossFunction(), hostBatch, other, limits);
  }

  @Override
  boolean usesAdjoints() {
    return true;
  }

  /**
   * Gram matrix of the gradients: {@code G_ij = g_i'g_j}. Products are float32, sums over layers
   * float64. Needs, within the memory limit and beside the recordings, the gradients of all
   * examples for one layer at a time (or its inputs and adjoints, where the products follow from
   * them with less work); the memory of products is freed first, and a smaller micro-batch leaves
   * more. The result lies on the heap.
   *
   * @return N rows of N values
   * @throws IllegalStateException before {@link #linearize}
   * @throws IllegalArgumentException if the largest layer does not fit the memory limit
   * @throws NonFiniteException if a value is NaN or infinite
   */
  public double[][] gram() {
    requirePoint();
    double[][][] found = new double[1][][];
    exclusively(
        () -> {
          recordings().with(() -> found[0] = computeGram());
          return null;
        });
    double[][] gram = found[0];
    for (double[] row : gram) {
      for (double value : row) {
        NonFiniteException.check("Gram matrix of gradients", value);
      }
    }
    return gram;
  }

  private double[][] computeGram() {
    if (sweep != null) {
      sweepScope.close();
      sweep = null;
    }
    RecordedBatch recorded = recordings();
    return new ExampleGram(network(), device(), examples(), recorded.memoryBesideTapes())
        .compute(recorded.parts(), recorded::tape, recomputes());
  }

  /**
   * Largest eigenvalues, by dense decomposition of {@code G / N}, which has all nonzero eigenvalues
   * of F: nothing to converge. What is left is rounding in {@link #gram}, about 1e-6 of the largest
   * eigenvalue; a smaller one may come out as zero or slightly below. Takes the time of about N^3
   * operations on the host, so N should stay within a few thousand.
   *
   * @param count how many, from 1 to the smaller of N and n
   * @return descending
   * @throws IllegalStateException before {@link #linearize}
   * @throws IllegalArgumentException if the count is out of range or the largest layer does not fit
   *     the memory limit
   * @throws NonFiniteException if a gradient is NaN or infinite
   */
  public double[] leading(int count) {
    long most = Math.min(examples(), dimension());
    if (count < 1 || count > most) {
      throw new IllegalArgumentException("count: found " + count + ", expected from 1 to " + most);
    }
    double[] values = SymmetricEigen.valuesOf(gram());
    double[] leading = new double[count];
    for (int i = 0; i < count; i++) {
      leading[i] = values[values.length - 1 - i] / examples();
    }
    return leading;
  }
}
