package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.operator.NetworkOperator;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.operator.NonFiniteException;
import java.util.Arrays;

/**
 * How much the gradient varies between the examples of a fixed batch, next to the same between its
 * micro-batches. An example of a language model is a sequence, its loss the mean over its
 * positions.
 *
 * @param squaredNorms {@code |g_i|^2} of each example, g_i the gradient of its own loss
 * @param meanSquaredNorm their mean: the trace of the empirical Fisher matrix
 * @param squaredNormOfMean {@code |mean|^2}, squared norm of the gradient of the whole batch
 * @param noiseScale what follows from them, with jackknife errors over the examples
 * @param microBatches statistics of the micro-batches, from the same pass
 */
public record ExampleStatistics(
    double[] squaredNorms,
    double meanSquaredNorm,
    double squaredNormOfMean,
    NoiseScale noiseScale,
    GradientStatistics microBatches) {

  /**
   * Sum over parameters of the unbiased variance of the examples' gradients, {@code sum |g_i -
   * mean|^2 / (N - 1)}.
   *
   * @return the trace of their covariance, {@link NoiseScale#traceSigma} with its error
   */
  public double variance() {
    return noiseScale.traceSigma();
  }

  /**
   * Records the batch at the parameters and reads them out of the recording.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples; at least two micro-batches. Examples at the end that do not fill one
   *     take part in everything but {@link #microBatches}
   * @param microBatch examples of each micro-batch, at least 1
   * @param memoryBytes bytes that activations and work space may take, or 0 for the device's
   *     default
   * @param parameters n values
   * @param device where to compute
   * @return the statistics
   * @throws IllegalArgumentException if the batch holds fewer than two micro-batches, one example
   *     does not fit the memory limit, or the network couples its examples
   * @throws NonFiniteException if a gradient is NaN or infinite
   */
  public static ExampleStatistics measure(
      Network network,
      Loss loss,
      Batch batch,
      int microBatch,
      long memoryBytes,
      Buffer parameters,
      Device device) {
    network.requireSeparateExamples("example statistics");
    loss.requireSeparateExamples("example statistics");
    GradientPass.requireTwo(batch.examples(), microBatch);
    long limit = memoryBytes == 0 ? device.defaultMemoryLimit() : memoryBytes;
    Limits limits = new Limits(limit / 2, 0, 1);
    try (Hessian hessian = new Hessian(network, loss, batch, device, limits)) {
      hessian.linearize(parameters);
      return of(hessian, microBatch, limit / 2);
    }
  }

  /**
   * Reads them out of an operator's recording.
   *
   * @param operator at its last point; its network does not couple examples
   * @param microBatch examples of each micro-batch, at least 1. Examples at the end that do not
   *     fill one take part in everything but {@link #microBatches}
   * @param memoryBytes bytes that work space may take
   * @return the statistics
   * @throws IllegalArgumentException if the batch holds fewer than two micro-batches, the memory is
   *     too small for one example's gradient in its largest layer, or the network couples its
   *     examples
   * @throws NonFiniteException if a gradient is NaN or infinite
   */
  public static ExampleStatistics of(NetworkOperator operator, int microBatch, long memoryBytes) {
    GradientStatistics microBatches = GradientStatistics.of(operator, microBatch);
    double[] squaredNorms = operator.squaredExampleNorms(memoryBytes);
    double[] alongMean = operator.exampleDerivatives(operator.gradient());
    NoiseScale noiseScale = NoiseScale.ofExamples(squaredNorms, alongMean);
    double squares = Arrays.stream(squaredNorms).average().orElseThrow();
    double norm = operator.gradientNorm();
    return new ExampleStatistics(squaredNorms, squares, norm * norm, noiseScale, microBatches);
  }
}
