package dynaxx.network;

import dynaxx.kernel.Scalars;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.network.op.LossFrame;

/**
 * A loss that is a mean of terms over all predictions. Passes get {@code scale}, the factor of each
 * term: 1 / (terms of the whole data set), so that contributions of micro-batches simply add up.
 * The passes are for dynaxx itself; their types are not exported.
 */
public sealed interface Loss permits SoftmaxCrossEntropy, MeanSquaredError {

  /**
   * Softmax cross-entropy over the last axis, mean over all other axes; targets are class indices
   * held as float32, one for each prediction. The head is free of cancellation: products stay exact
   * to working precision when the probabilities are nearly one-hot.
   *
   * @return the loss
   */
  static Loss crossEntropy() {
    return new SoftmaxCrossEntropy();
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
   * @return a positive count
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
}
