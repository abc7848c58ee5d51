package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;
import java.util.function.Consumer;

/** Gradients of consecutive micro-batches of one batch, some examples recorded at a time. */
final class GradientPass implements AutoCloseable {

  private final Device device;
  private final int microBatch;
  private final int piece;
  private final Scope scope = Scope.open();
  private final Tape tape;
  private final Buffer point;
  private final Batch batch;
  private final Buffer gradient;
  private final Vectors mean;

  /**
   * Allocates.
   *
   * @param piece examples recorded at once
   */
  GradientPass(
      Network network,
      Loss loss,
      Batch batch,
      int microBatch,
      int piece,
      Buffer parameters,
      Device device) {
    this.device = device;
    this.microBatch = microBatch;
    this.piece = piece;
    try {
      tape = new Tape(network, loss, device, piece);
      scope.onClose(tape::close);
      point = device.place(scope, parameters);
      this.batch = batch.checked(network, loss).on(device, scope);
      gradient = device.allocate(scope, network.parameterCount());
      mean = device.vectors(scope, 1, network.parameterCount());
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  static void requireTwo(int examples, int microBatch) {
    int count = microBatch < 1 ? 0 : examples / microBatch;
    if (count < 2) {
      throw new IllegalArgumentException(
          "microBatch: found "
              + microBatch
              + " for a batch of "
              + examples
              + " examples, expected from 1 to "
              + examples / 2
              + " (two micro-batches at least)");
    }
  }

  /**
   * Examples that are recorded at once.
   *
   * @param limit memory in bytes
   * @param bytesPerExample memory of an example
   * @param beside memory that does not depend on the number of examples
   */
  static int piece(int microBatch, long limit, long bytesPerExample, long beside) {
    long fitting = (limit - beside) / bytesPerExample;
    if (fitting < 1) {
      throw new IllegalArgumentException(
          "memory limit: found "
              + limit
              + " bytes, expected at least "
              + (bytesPerExample + beside)
              + " for one example");
    }
    return (int) Math.min(microBatch, fitting);
  }

  /** The statistics of the full micro-batches; the mean gradient stays here. */
  GradientStatistics microBatches(Consumer<Tape> seen) {
    int count = batch.examples() / microBatch;
    GradientStatistics.Welford running =
        new GradientStatistics.Welford(device.algebra(), mean.vector(0));
    for (int i = 0; i < count; i++) {
      record(i * microBatch, microBatch, seen);
      running.add(gradient);
    }
    return running.statistics(microBatch, batch.examples() - count * microBatch);
  }

  /** Takes the examples left out into the mean, so that it is the mean over the whole batch. */
  void leftOut(Consumer<Tape> seen) {
    int left = batch.examples() % microBatch;
    if (left > 0) {
      record(batch.examples() - left, left, seen);
      double share = (double) left / batch.examples();
      device.algebra().axpby(share, gradient, 1 - share, mean.vector(0));
    }
  }

  /** Records everything once more. */
  void again(Consumer<Tape> seen) {
    for (int from = 0; from < batch.examples(); from += microBatch) {
      record(from, Math.min(microBatch, batch.examples() - from), seen);
    }
  }

  /** The mean gradient, as the only vector of a block. */
  Vectors mean() {
    return mean;
  }

  /** The gradient of some consecutive examples. */
  private void record(int first, int examples, Consumer<Tape> seen) {
    device.algebra().fill(gradient, 0);
    for (int from = 0; from < examples; from += piece) {
      int size = Math.min(piece, examples - from);
      tape.forward(point, batch.slice(first + from, size), examples);
      tape.backward(gradient);
      seen.accept(tape);
    }
  }

  @Override
  public void close() {
    scope.close();
  }
}
