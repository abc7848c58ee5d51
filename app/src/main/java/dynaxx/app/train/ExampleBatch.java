package dynaxx.app.train;

import dynaxx.app.io.UserException;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import java.util.Arrays;

/** Room for a batch of examples and their targets, filled again and again. */
public final class ExampleBatch {

  private static final long SUBSET_STREAM = -1;

  private final Examples examples;
  private final HostBuffer inputs;
  private final HostBuffer targets;
  private final int size;

  public ExampleBatch(Scope scope, Examples examples, int size) {
    this.examples = examples;
    this.size = size;
    this.inputs = scope.allocate(size * examples.inputSize());
    this.targets = scope.allocate(size * examples.targetSize());
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
    return new ExampleBatch(scope, examples, size).load(network, loss, Arrays.copyOf(order, size));
  }

  int size() {
    return size;
  }

  HostBuffer targets() {
    return targets;
  }

  Batch load(Network network, Loss loss, int[] indices) {
    HostBuffer in = inputs.slice(0, indices.length * examples.inputSize());
    HostBuffer wanted = targets.slice(0, indices.length * examples.targetSize());
    examples.write(indices, in, wanted);
    return Batch.of(network, loss, in, wanted);
  }
}
