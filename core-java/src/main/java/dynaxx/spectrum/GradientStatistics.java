package dynaxx.spectrum;

import dynaxx.backend.Backend;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Mode;
import dynaxx.network.Network;
import dynaxx.network.Tape;
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
   * @param memoryBytes bytes that activations may take, or 0 for the backend's default
   * @param parameters n values
   * @param backend where to compute
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
      HostBuffer parameters,
      Backend backend) {
    int count = microBatch < 1 ? 0 : batch.examples() / microBatch;
    if (count < 2) {
      throw new IllegalArgumentException(
          "microBatch: found "
              + microBatch
              + " for a batch of "
              + batch.examples()
              + " examples, expected from 1 to "
              + batch.examples() / 2
              + " (two micro-batches at least)");
    }
    int piece = piece(network, loss, microBatch, memoryBytes, backend);
    try (Scope scope = Scope.open();
        Tape tape = new Tape(network, loss, backend, piece)) {
      Buffer point = backend.upload(scope, parameters.segment());
      Batch uploaded = batch.checked(network, loss).on(backend, scope);
      Buffer gradient = backend.allocate(scope, network.parameterCount());
      Buffer mean = backend.allocate(scope, network.parameterCount());
      double squares = 0;
      for (int i = 0; i < count; i++) {
        backend.fill(gradient, 0);
        for (int from = 0; from < microBatch; from += piece) {
          int size = Math.min(piece, microBatch - from);
          Batch part = uploaded.slice(i * microBatch + from, size);
          tape.forward(point, part, microBatch, Mode.MEASURE);
          tape.backward(gradient);
        }
        // Welford (1962): the new mean lies 1 / (i + 1) of the way, so both distances follow from
        // one.
        squares += backend.squaredDistance(gradient, mean) * i / (i + 1);
        backend.axpby(1.0 / (i + 1), gradient, (double) i / (i + 1), mean);
      }
      double variance = NonFiniteException.check("gradient variance", squares / (count - 1));
      double norm = Math.sqrt(backend.dot(mean, mean));
      return new GradientStatistics(
          norm, variance, microBatch, count, batch.examples() - count * microBatch);
    }
  }

  /** Examples that are recorded at once. */
  private static int piece(
      Network network, Loss loss, int microBatch, long memoryBytes, Backend backend) {
    long limit = memoryBytes == 0 ? backend.defaultMemoryLimit() : memoryBytes;
    long fitting = limit / Tape.bytesPerExample(network, loss);
    if (memoryBytes < 0 || fitting < 1) {
      throw new IllegalArgumentException(
          "memory limit: found "
              + limit
              + " bytes, expected at least "
              + Tape.bytesPerExample(network, loss)
              + " for one example");
    }
    return (int) Math.min(microBatch, fitting);
  }
}
