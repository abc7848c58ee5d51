package dynaxx.spectrum;

import dynaxx.device.Algebra;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator;
import dynaxx.operator.NonFiniteException;

/**
 * How much the gradient varies between micro-batches of a fixed batch.
 *
 * @param gradientNorm norm of the mean of the micro-batch gradients
 * @param variance sum over parameters of the unbiased variance of the micro-batch gradients, {@code
 *     sum |g_i - mean|^2 / (count - 1)}
 * @param microBatch examples of each micro-batch
 * @param count number of micro-batches
 * @param leftOut examples at the end that do not fill a micro-batch and do not take part
 */
public record GradientStatistics(
    double gradientNorm, double variance, int microBatch, int count, int leftOut) {

  /**
   * Measures with one forward and backward pass over the batch.
   *
   * @param network the network
   * @param loss its loss
   * @param batch examples; at least two micro-batches
   * @param microBatch examples of each micro-batch, at least 1
   * @param memoryBytes bytes that activations may take, or 0 for the device's default
   * @param parameters n values
   * @param device where to compute
   * @return the statistics
   * @throws IllegalArgumentException if the batch holds fewer than two micro-batches or one example
   *     does not fit the memory limit
   * @throws NonFiniteException if a gradient is NaN or infinite
   */
  public static GradientStatistics measure(
      Network network,
      Loss loss,
      Batch batch,
      int microBatch,
      long memoryBytes,
      Buffer parameters,
      Device device) {
    GradientPass.requireTwo(batch.examples(), microBatch);
    long limit = memoryBytes == 0 ? device.defaultMemoryLimit() : memoryBytes;
    long bytes = Tape.bytesPerExample(network, loss);
    int piece = GradientPass.piece(microBatch, limit, bytes);
    return device
        .turns()
        .take(
            () -> {
              try (GradientPass pass =
                  new GradientPass(network, loss, batch, microBatch, piece, parameters, device)) {
                return pass.statistics();
              }
            });
  }

  /**
   * Reads them out of an operator's recording: of a gradient only what goes into the parameters is
   * computed again, a third of its matrix products.
   *
   * @param operator at its last point; its network does not couple examples
   * @param microBatch examples of each micro-batch, at least 1
   * @return the statistics
   * @throws IllegalArgumentException if the batch holds fewer than two micro-batches, or the
   *     network couples its examples
   * @throws NonFiniteException if a gradient is NaN or infinite
   */
  public static GradientStatistics of(NetworkOperator operator, int microBatch) {
    GradientPass.requireTwo(operator.examples(), microBatch);
    int count = operator.examples() / microBatch;
    Algebra algebra = operator.device().algebra();
    try (Scope scope = Scope.open()) {
      Welford running =
          new Welford(algebra, operator.device().allocate(scope, operator.dimension()));
      operator.microBatchGradients(
          microBatch,
          gradient -> {
            if (running.count < count) {
              running.add(gradient);
            }
          });
      int left = operator.examples() - count * microBatch;
      return running.statistics(microBatch, left);
    }
  }

  /** Mean and sum of squared deviations of vectors (Welford, 1962). */
  static final class Welford {
    private final Algebra algebra;
    private final Buffer mean;
    private int count;
    private double squares;

    /**
     * Nothing yet.
     *
     * @param mean zeros, overwritten
     */
    Welford(Algebra algebra, Buffer mean) {
      this.algebra = algebra;
      this.mean = mean;
    }

    void add(Buffer gradient) {
      // the new mean lies 1 / (count + 1) of the way, so both distances follow from one
      squares += algebra.squaredDistance(gradient, mean) * count / (count + 1);
      algebra.axpby(1.0 / (count + 1), gradient, (double) count / (count + 1), mean);
      count++;
    }

    GradientStatistics statistics(int microBatch, int leftOut) {
      double variance = NonFiniteException.check("gradient variance", squares / (count - 1));
      double norm = Math.sqrt(algebra.dot(mean, mean));
      return new GradientStatistics(norm, variance, microBatch, count, leftOut);
    }
  }

  /**
   * The noise scale that these micro-batches give: they and all of them together are two batch
   * sizes. Without errors; {@link ExampleStatistics} has them.
   *
   * @return the noise scale
   */
  public NoiseScale noiseScale() {
    double large = gradientNorm * gradientNorm;
    double small = large + variance * (count - 1) / count;
    return NoiseScale.ofBatchSizes(microBatch, small, (long) count * microBatch, large);
  }
}
