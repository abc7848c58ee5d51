package dynaxx.app.train;

import dynaxx.app.UserException;
import dynaxx.app.data.Examples;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import java.util.Arrays;

/** Room for a batch of examples and their targets, filled again and again. */
public final class ImageBatch {

  private static final long SUBSET_STREAM = -1;

  private final Examples examples;
  private final HostBuffer pixels;
  private final HostBuffer targets;
  private final int size;

  public ImageBatch(Scope scope, Network network, Loss loss, Examples examples, int size) {
    this.examples = examples;
    this.size = size;
    this.pixels = scope.allocate((long) size * examples.inputSize());
    this.targets = scope.allocate(size * loss.targetSize(network.outputShape()));
  }

  /** A fixed subset for measurements, chosen by the seed. */
  public static Batch subset(
      Scope scope, Network network, Loss loss, Examples examples, int size, long seed) {
    if (size > examples.count()) {
      throw new UserException(
          "--subset: found "
              + size
              + ", expected at most the "
              + examples.count()
              + " training examples");
    }
    int[] order = Shuffle.permutation(examples.count(), seed, SUBSET_STREAM);
    return new ImageBatch(scope, network, loss, examples, size)
        .load(network, loss, Arrays.copyOf(order, size));
  }

  int size() {
    return size;
  }

  /** Targets are the labels, or zeros and a one where the loss compares all outputs. */
  Batch load(Network network, Loss loss, int[] indices) {
    examples.write(indices, pixels.segment());
    long width = targets.size() / size;
    for (int i = 0; i < indices.length; i++) {
      int label = examples.label(indices[i]);
      if (width == 1) {
        targets.set(i, label);
      }
      for (int c = 0; c < width && width > 1; c++) {
        targets.set(i * width + c, c == label ? 1 : 0);
      }
    }
    return Batch.of(
        network,
        loss,
        pixels.slice(0, (long) indices.length * examples.inputSize()),
        targets.slice(0, indices.length * width));
  }
}
