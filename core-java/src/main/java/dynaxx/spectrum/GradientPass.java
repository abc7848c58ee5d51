package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;

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
  private final Buffer mean;

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
      mean = device.allocate(scope, network.parameterCount());
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
   */
  static int piece(int microBatch, long limit, long bytesPerExample) {
    long fitting = limit / bytesPerExample;
    if (fitting < 1) {
      throw new IllegalArgumentException(
          "memory limit: found "
              + limit
              + " bytes, expected at least "
              + bytesPerExample
              + " for one example");
    }
    return (int) Math.min(microBatch, fitting);
  }

  /** The statistics of the full micro-batches. */
  GradientStatistics statistics() {
    int count = batch.examples() / microBatch;
    GradientStatistics.Welford running = new GradientStatistics.Welford(device.algebra(), mean);
    for (int i = 0; i < count; i++) {
      record(i * microBatch);
      running.add(gradient);
    }
    return running.statistics(microBatch, batch.examples() - count * microBatch);
  }

  /** The gradient of a micro-batch. */
  private void record(int first) {
    device.algebra().fill(gradient, 0);
    for (int from = 0; from < microBatch; from += piece) {
      int size = Math.min(piece, microBatch - from);
      tape.forward(point, batch.slice(first + from, size), microBatch);
      tape.backward(gradient);
    }
  }

  @Override
  public void close() {
    scope.close();
  }
}
