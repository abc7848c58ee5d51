package dynaxx.operator;

import dynaxx.dense.SymmetricEigen;
import dynaxx.device.Device;
import dynaxx.layer.Shape;
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
 * are those of the data, not drawn from the model (Kunstner, Balles and Hennig, 2019), as they are
 * in {@link #ofModel}.
 *
 * <p>A product costs two matrix products a linear layer, two thirds of a gradient; a quadratic form
 * one. The rank is at most N, and all nonzero eigenvalues follow from the N x N Gram matrix of the
 * gradients without any iteration: {@link #leading}.
 */
public final class EmpiricalFisher extends NetworkOperator {

  /** Draws the targets at each point, or null if they are those of the data. */
  private final ModelTargets drawn;

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
    drawn = null;
  }

  private EmpiricalFisher(
      Network network, ModelTargets drawn, Batch blank, Device device, Limits limits) {
    super(
        "fisher",
        network,
        Loss.innerProduct(),
        blank,
        device,
        limits,
        tangentBytes(network, Loss.innerProduct()));
    this.drawn = drawn;
  }

  /**
   * The true Fisher matrix by Monte Carlo: the same sum with targets drawn from the model's own
   * distribution at each {@link #linearize}, some for each example and term, as {@link Loss#score}
   * says (Martens, 2020; Kunstner, Balles and Hennig, 2019). Its mean over draws is the
   * Gauss-Newton matrix of the loss, with its reduction and weights; where that depends on the
   * targets of the data ({@code poisson} of rates, {@code gaussian}, probabilities), its mean over
   * targets of the model. A quadratic form is the mean of N S independent samples of a square.
   *
   * <p>The operator works on N S examples: that many {@link #examples}, of which draw s of example
   * e is number {@code s N + e}, with S times the memory and work. {@link #squaredExampleNorms},
   * {@link #exampleDerivatives}, {@link #gradient} and {@link #loss} are those of the drawn terms
   * {@code g_i'}: the gradient has mean zero, and the loss means nothing. Same seed, same draws,
   * whatever the threads and micro-batches.
   *
   * @param network the network
   * @param loss a log-likelihood: cross-entropy, soft or binary cross-entropy, squared error,
   *     Poisson, Gaussian, or a sum of these
   * @param batch N examples and targets, of which only ignored ones and weights count; their memory
   *     must stay unchanged
   * @param device where to compute
   * @param limits memory, micro-batch and directions
   * @param seed fixes the draws
   * @param draws S, at least 1
   * @return the operator
   * @throws IllegalArgumentException if the loss is no log-likelihood, the batch does not fit the
   *     network and the loss, one example does not fit the memory limit, or the network couples its
   *     examples
   */
  public static EmpiricalFisher ofModel(
      Network network, Loss loss, Batch batch, Device device, Limits limits, long seed, int draws) {
    ModelTargets drawn = new ModelTargets(network, loss, batch, device, limits, seed, draws);
    try {
      return new EmpiricalFisher(network, drawn, drawn.batch(), device, limits);
    } catch (RuntimeException | Error e) {
      drawn.close();
      throw e;
    }
  }

  private static long tangentBytes(Network network, Loss loss) {
    network.requireSeparateExamples("empirical fisher");
    loss.requireSeparateExamples("empirical fisher");
    return FisherSweep.bytesPerExample(network);
  }

  @Override
  public EmpiricalFisher linearize(Buffer values) {
    if (drawn != null) {
      Shape.requireSize("parameters", values.size(), dimension());
      recordings().forget();
      super.batch(exclusively(() -> drawn.drawAt(values)));
    }
    super.linearize(values);
    return this;
  }

  @Override
  public EmpiricalFisher batch(Batch batch) {
    if (drawn == null) {
      super.batch(batch);
    } else {
      drawn.take(batch);
      super.batch(drawn.batch());
    }
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

  @Override
  void closed() {
    if (drawn != null) {
      drawn.close();
    }
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
  Float64Twin.Form form(Device other, int capacity, Scope scope) {
    FisherSweep exact = new FisherSweep(network(), other, capacity, 1);
    scope.onClose(exact::close);
    return (tape, v) -> exact.quadraticForms(tape, v)[0];
  }

  @Override
  boolean takesCompact() {
    return false; // products of examples need the memory beside the recordings
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
