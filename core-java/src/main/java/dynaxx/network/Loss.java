package dynaxx.network;

import dynaxx.kernel.Scalars;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.LossFrame;
import dynaxx.network.op.LossRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;
import java.util.function.ToDoubleBiFunction;
import java.util.function.ToLongFunction;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;

/**
 * A loss that is a mean of terms over all predictions. Passes get {@code scale}, the factor of each
 * term: 1 / (terms of the whole data set), so that contributions of micro-batches simply add up.
 * The passes are for dynaxx itself; their types are not exported.
 */
public sealed interface Loss
    permits SoftmaxCrossEntropy, MeanSquaredError, LinearLoss, HostLoss, LossSum {

  /**
   * Softmax cross-entropy over the last axis, mean over all other axes; targets are class indices
   * held as float32, one for each prediction. The head is free of cancellation: products stay exact
   * to working precision when the probabilities are nearly one-hot.
   *
   * @return the loss
   */
  static Loss crossEntropy() {
    return new SoftmaxCrossEntropy(null, 0, new float[0], false, Weighing.PLAIN);
  }

  /**
   * Softmax cross-entropy over the last axis as PyTorch has it: the mean over all targets that are
   * not ignored, weighted by the weights of their classes.
   *
   * @param ignored target of predictions that do not count, in PyTorch -100
   * @param smoothing part of each target that is spread over all classes (Szegedy et al., 2016),
   *     from 0 to below 1
   * @param classWeights one for each class, or none
   * @return the loss; {@link #targets} makes its targets
   */
  static Loss crossEntropy(int ignored, double smoothing, float... classWeights) {
    return new SoftmaxCrossEntropy(ignored, smoothing, classWeights.clone(), false, Weighing.PLAIN);
  }

  /**
   * Softmax cross-entropy whose targets are a distribution over the classes for each prediction.
   *
   * @param smoothing as in {@link #crossEntropy(int, double, float...)}
   * @param classWeights one for each class, or none; they do not change what is divided by
   * @return the loss; {@link #targets} makes its targets
   */
  static Loss softCrossEntropy(double smoothing, float... classWeights) {
    return new SoftmaxCrossEntropy(null, smoothing, classWeights.clone(), true, Weighing.PLAIN);
  }

  /**
   * The squared logarithm of the softmax's normaliser over the last axis, mean over all other axes,
   * known as z-loss; without targets, to be added to a cross-entropy by {@link #plus}. All
   * predictions count, those whose targets a cross-entropy ignores too.
   *
   * @return the loss
   */
  static Loss squaredNormalizer() {
    return HostLoss.rows("z-loss", HostLoss.Targets.FINITE, 0, new RowTerms.SquaredNormalizer());
  }

  /**
   * Binary cross-entropy of logits, mean over all predictions; targets are probabilities.
   *
   * @param positive factor of the part of positive targets for each prediction of the last axis,
   *     one for all, or none
   * @return the loss
   */
  static Loss binaryCrossEntropy(float... positive) {
    return HostLoss.elements(
            "binary-cross-entropy",
            HostLoss.Targets.PROBABILITIES,
            ElementTerms.logits(positive.clone()),
            Scores.logits(positive.clone()))
        .fitting(fitting(positive))
        .takingLogits();
  }

  /**
   * Binary cross-entropy of probabilities, whose logarithms are at least -100; that of logits is
   * more accurate.
   *
   * @param positive as in {@link #binaryCrossEntropy}
   * @return the loss
   */
  static Loss binaryCrossEntropyOfProbabilities(float... positive) {
    return HostLoss.elements(
            "binary-cross-entropy-of-probabilities",
            HostLoss.Targets.PROBABILITIES,
            ElementTerms.probabilities(positive.clone()),
            positive.length == 0 ? Scores.probabilities() : null)
        .fitting(fitting(positive));
  }

  private static Consumer<Shape> fitting(float[] positive) {
    for (float p : positive) {
      if (!(p >= 0 && p < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("pos weights: found " + p + ", expected 0 or more");
      }
    }
    return output -> {
      int last = output.rank() == 0 ? 1 : output.dim(-1);
      if (positive.length > 1 && positive.length != last) {
        throw new IllegalArgumentException(
            "pos weights: found "
                + positive.length
                + ", expected one, or one for each of "
                + last
                + " predictions along the last axis");
      }
    };
  }

  /**
   * Half the squared error up to an error of delta, beyond it linear (Huber, 1964); mean over all
   * predictions.
   *
   * @param delta above 0, usually 1
   * @return the loss
   */
  static Loss huber(double delta) {
    requirePositive("delta", delta);
    return HostLoss.elements("huber", HostLoss.Targets.FINITE, ElementTerms.huber(delta));
  }

  /**
   * {@link #huber} divided by beta, as in PyTorch.
   *
   * @param beta above 0, usually 1
   * @return the loss
   */
  static Loss smoothL1(double beta) {
    requirePositive("beta", beta);
    return HostLoss.elements("smooth-l1", HostLoss.Targets.FINITE, ElementTerms.smoothed(beta));
  }

  /**
   * Absolute error, mean over all predictions. Its second derivative is 0, except at the kinks
   * where a prediction meets its target, at which derivatives are 0 too.
   *
   * @return the loss
   */
  static Loss l1() {
    return HostLoss.elements("l1", HostLoss.Targets.FINITE, ElementTerms.absolute());
  }

  /**
   * Poisson negative log-likelihood without its constant, mean over all predictions.
   *
   * @param logarithms whether predictions are logarithms of rates, or the rates
   * @return the loss
   */
  static Loss poisson(boolean logarithms) {
    return HostLoss.elements(
        "poisson",
        HostLoss.Targets.COUNTS,
        logarithms ? ElementTerms.logRates() : ElementTerms.rates(),
        logarithms ? Scores.logRates() : Scores.rates());
  }

  /**
   * Gaussian negative log-likelihood without its constant (Nix and Weigend, 1994), mean over all
   * targets. The first half of the last axis are means, the second half variances.
   *
   * @param logarithms whether the second half are logarithms of variances, or variances, of which
   *     at least 1e-6 is taken
   * @return the loss
   */
  static Loss gaussian(boolean logarithms) {
    Terms row = new RowTerms.Gaussian(logarithms);
    return new HostLoss(
            "gaussian",
            shape -> RowTerms.of(shape, 0.5, row),
            shape -> shape.size() / 2,
            shape -> shape.size() / 2,
            HostLoss.Targets.FINITE,
            false,
            Weighing.PLAIN)
        .fitting(Loss::requireHalves);
  }

  private static void requireHalves(Shape output) {
    if (output.rank() == 0 || output.dim(-1) % 2 != 0) {
      throw new IllegalArgumentException(
          "loss: found predictions "
              + output
              + " for gaussian, expected means and as many variances along the last axis");
    }
  }

  /**
   * Kullback-Leibler divergence of target distributions from predictions that are logarithms of
   * probabilities over the last axis; mean over all other axes, PyTorch's {@code batchmean}.
   *
   * @return the loss
   */
  static Loss kullbackLeibler() {
    Terms terms = new ElementTerms(ElementTerms.divergence(), null);
    return new HostLoss(
        "kullback-leibler",
        shape -> terms,
        Shape::rows,
        Shape::size,
        HostLoss.Targets.PROBABILITIES,
        false,
        Weighing.PLAIN);
  }

  /**
   * One less the cosine between predictions and targets over the last axis, mean over all other
   * axes.
   *
   * @return the loss
   */
  static Loss cosine() {
    return HostLoss.rows("cosine", HostLoss.Targets.FINITE, 1, new RowTerms.Cosine());
  }

  /**
   * InfoNCE (van den Oord et al., 2018; Khosla et al., 2020) of embeddings: for each example the
   * cross-entropy of its similarities to all others, where those of its own group are the right
   * ones. Similarities are cosines divided by the temperature. Targets are the numbers of the
   * groups, one for each example. It {@linkplain #couplesExamples couples the examples}.
   *
   * @param temperature above 0
   * @return the loss
   */
  static Loss contrastive(double temperature) {
    requirePositive("temperature", temperature);
    return new HostLoss(
        "contrastive",
        shape -> new Contrast(Math.toIntExact(shape.size()), temperature),
        shape -> 1,
        shape -> 1,
        HostLoss.Targets.WHOLE,
        true,
        Weighing.PLAIN);
  }

  /**
   * A loss of your own, mean over the examples. Functions take the predictions and the targets of
   * one example, in float64.
   *
   * @param name for messages and reports
   * @param targets target values of one example, by the shape of its predictions
   * @param value the loss of an example
   * @param gradient its derivatives by the predictions
   * @param hessian what its Hessian by the predictions does to a direction
   * @return the loss; it is computed on the host
   */
  static Loss of(
      String name,
      ToLongFunction<Shape> targets,
      ToDoubleBiFunction<double[], double[]> value,
      BinaryOperator<double[]> gradient,
      BiFunction<double[], double[], UnaryOperator<double[]>> hessian) {
    Terms terms = new OwnTerms(value, gradient, hessian);
    return new HostLoss(
        name, shape -> terms, shape -> 1, targets, HostLoss.Targets.FINITE, false, Weighing.PLAIN);
  }

  private static void requirePositive(String argument, double value) {
    if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          argument + ": found " + value + ", expected a number above 0");
    }
  }

  /**
   * Squared error, mean over examples and outputs; targets have the shape of the predictions.
   *
   * @return the loss
   */
  static Loss meanSquaredError() {
    return new MeanSquaredError();
  }

  /**
   * The inner product of each example's predictions with its targets, any finite numbers; mean over
   * examples. Its gradient by the predictions are the targets: for products with the transposed
   * Jacobian of the network. It has no second derivative.
   *
   * @return the loss
   */
  static Loss innerProduct() {
    return new LinearLoss();
  }

  /**
   * The derivative by the predictions of one example's loss, summed over its terms, at targets
   * drawn from the model's own distribution at these predictions: classes from the softmax for
   * cross-entropies, whatever their smoothing; Bernoulli variables for the binary ones; Gaussian
   * with variance 1/2 for the squared error, for which that is the log-likelihood; Poisson;
   * Gaussian with the predicted variance. Ignored targets have none, and a term of weight w is
   * multiplied by the root of w, so that the mean over draws of its outer product with itself is
   * the Hessian of these terms by the predictions, or its mean over targets drawn where the Hessian
   * depends on the targets ({@code probabilities}, {@code rates}, {@code gaussian}).
   *
   * @param output shape of one example's predictions
   * @param z predictions of one example
   * @param targets of one example, as {@link #targets} makes them; only their weights count
   * @param random where draws come from
   * @return as many values as predictions
   * @throws IllegalArgumentException naming this loss if it is no log-likelihood, or what does not
   *     fit or is not finite
   */
  default double[] score(Shape output, double[] z, double[] targets, RandomGenerator random) {
    throw Scores.refusal(name());
  }

  /**
   * This loss and a multiple of another one. The targets of an example are those of this, then
   * those of the other.
   *
   * @param factor of the other
   * @param other of the same predictions, or a part of them by {@link #over}
   * @return the sum
   */
  default Loss plus(double factor, Loss other) {
    List<LossSum.Part> parts = new ArrayList<>(LossSum.parts(1, this));
    parts.addAll(LossSum.parts(factor, other));
    return new LossSum(parts);
  }

  /**
   * A multiple of this loss.
   *
   * @param factor any finite number
   * @return the loss
   */
  default Loss times(double factor) {
    return new LossSum(LossSum.parts(factor, this));
  }

  /**
   * This loss of a part of the predictions, where a network has several outputs one after the
   * other.
   *
   * @param from the first of an example's predictions that it takes
   * @param shape of those that it takes
   * @return the loss
   */
  default Loss over(long from, Shape shape) {
    return new LossSum(List.of(new LossSum.Part(1, this, from, shape)));
  }

  /**
   * This loss with another average of its terms.
   *
   * @param reduction {@code tokens}: every term counts alike, PyTorch's mean; {@code mean}: every
   *     example counts alike, however many of its terms are ignored; {@code sum}: the sum of all
   *     terms
   * @param exampleWeights whether each example has a weight, given to {@link #targets}; a mean is
   *     divided by their sum
   * @return the loss; {@link #targets} makes its targets
   * @throws IllegalArgumentException if there is no such reduction, or not of this loss
   */
  Loss with(String reduction, boolean exampleWeights);

  /**
   * Target values of one example as {@link #targets} takes them.
   *
   * @param output shape of one example's predictions
   * @return a count, may be 0
   */
  default long givenSize(Shape output) {
    return targetSize(output);
  }

  /**
   * Makes the targets of a {@link Batch} from those of the whole data set: with the weights that
   * ignored targets, class weights and reductions give them.
   *
   * @param scope owns what is made
   * @param output shape of one example's predictions
   * @param given {@link #givenSize} values for each example
   * @param weights one for each example if the loss takes them, else null
   * @return {@link #targetSize} values for each example; those given if there is nothing to add
   * @throws IllegalArgumentException naming the position, what was found and what was expected
   */
  default HostBuffer targets(Scope scope, Shape output, HostBuffer given, HostBuffer weights) {
    return given;
  }

  /**
   * Whether the loss of an example depends on the other examples of the batch, so that a batch
   * cannot be cut and there are no gradients of single examples.
   *
   * @return false unless a loss says otherwise
   */
  default boolean couplesExamples() {
    return false;
  }

  /**
   * Refuses what needs gradients of single examples.
   *
   * @param what needs them, for the message
   * @throws IllegalArgumentException if this loss couples the examples of a batch
   */
  default void requireSeparateExamples(String what) {
    if (couplesExamples()) {
      throw new IllegalArgumentException(
          what
              + ": needs gradients of single examples, and "
              + name()
              + " couples the examples: the loss of one depends on all the others");
    }
  }

  /**
   * Whether a device may record the passes of this loss and play them again, which it cannot if
   * they run on the host.
   *
   * @return true unless a loss says otherwise
   */
  default boolean recordable() {
    return true;
  }

  /**
   * Name for messages and reports.
   *
   * @return for example {@code cross-entropy}
   */
  String name();

  /**
   * Whether the loss applies a softmax of its own. Its predictions must then be logits: a network
   * that ends in a softmax would get it twice.
   *
   * @return false unless a loss says otherwise
   */
  default boolean takesLogits() {
    return false;
  }

  /**
   * Whether the loss applies a sigmoid of its own. A network that ends in a sigmoid would get it
   * twice.
   *
   * @return false unless a loss says otherwise
   */
  default boolean takesBinaryLogits() {
    return false;
  }

  /**
   * Terms of one example.
   *
   * @param output shape of one example's predictions
   * @return a positive count
   */
  long terms(Shape output);

  /**
   * Target values of one example.
   *
   * @param output shape of one example's predictions
   * @return a count, 0 only for a loss without targets
   */
  long targetSize(Shape output);

  /**
   * Values kept from the forward pass for one example.
   *
   * @param output shape of one example's predictions
   * @return a count, may be 0
   */
  long savedSize(Shape output);

  /**
   * Checks targets before they are used.
   *
   * @param output shape of one example's predictions
   * @param targets all targets
   * @throws IllegalArgumentException naming the position, what was found and what was expected
   */
  void check(Shape output, HostBuffer targets);

  /**
   * How large the predictions of a softmax are where it is undecided between classes. It depends on
   * their differences only, so that rounding changes it by as many units of roundoff.
   *
   * @param f batch and arrays, after {@link #forward}
   * @param limit what is of interest; predictions that cannot reach it are not looked at
   * @return the largest row's sum of {@code p (1 - p) |z|}; 0 for a loss without a softmax
   */
  @SuppressWarnings("exports")
  default double undecidedLogits(LossFrame f, double limit) {
    return 0;
  }

  /**
   * Adds the loss of a batch.
   *
   * @param f batch and arrays
   * @param loss one accumulator
   */
  @SuppressWarnings("exports")
  void forward(LossFrame f, Scalars loss);

  /**
   * Writes the adjoint of the predictions.
   *
   * @param f batch and arrays
   * @param dz as large as the predictions
   */
  @SuppressWarnings("exports")
  void backward(LossFrame f, Buffer dz);

  /**
   * Writes {@code rdz = (d2 loss / dz2) rz} for k directions.
   *
   * @param f batch and arrays
   * @param k directions
   * @param rz tangents of the predictions
   * @param rdz tangents of their adjoint
   */
  @SuppressWarnings("exports")
  void tangent(LossFrame f, int k, Buffer rz, Buffer rdz);

  /**
   * A root of the Hessian by the predictions, after {@link #forward}.
   *
   * @param f batch and arrays
   * @return the root, as long as the arrays stay as they are
   * @throws IllegalArgumentException if the loss is not convex in the predictions, or couples the
   *     examples
   */
  @SuppressWarnings("exports")
  default LossRoot root(LossFrame f) {
    throw new IllegalArgumentException(
        "loss: found " + name() + ", of whose Hessian by the predictions there is no root");
  }
}
