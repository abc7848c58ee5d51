package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.device.MemoryExhaustedException;
import dynaxx.memory.Buffer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;
import java.util.Optional;

/** Mean loss of a network over a batch by forward passes alone. */
final class SubsetLosses implements UpdateProbe.Losses {

  private final Tape tape;
  private final Batch batch;
  private final int piece;

  private SubsetLosses(Tape tape, Batch batch, int piece) {
    this.tape = tape;
    this.batch = batch;
    this.piece = piece;
  }

  /**
   * Within a memory limit; nothing if examples that must stay together do not fit, or no memory.
   */
  static Optional<UpdateProbe.Losses> within(
      long memoryBytes, Network network, Loss loss, Batch batch, Device device) {
    long fitting = memoryBytes / Tape.bytesPerExample(network, loss);
    int least = network.couplesExamples() || loss.couplesExamples() ? batch.examples() : 1;
    if (fitting < least) {
      return Optional.empty();
    }
    int piece = (int) Math.min(batch.examples(), fitting);
    try {
      Tape tape = new Tape(network, loss, device, piece);
      return Optional.of(new SubsetLosses(tape, batch, piece));
    } catch (MemoryExhaustedException e) {
      return Optional.empty();
    }
  }

  @Override
  public double at(Buffer parameters) {
    double sum = 0;
    for (int from = 0; from < batch.examples(); from += piece) {
      int size = Math.min(piece, batch.examples() - from);
      sum += tape.forward(parameters, batch.slice(from, size), batch.examples());
    }
    return sum;
  }

  @Override
  public void close() {
    tape.close();
  }
}
