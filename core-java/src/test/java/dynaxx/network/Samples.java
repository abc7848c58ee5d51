package dynaxx.network;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.Step;
import dynaxx.network.op.TokenEmbedding;
import java.util.Random;

/** Seeded data that fits a network and a loss. */
public final class Samples {

  private Samples() {}

  public static Batch batch(Scope scope, Network network, Loss loss, int examples, long seed) {
    Random random = new Random(seed);
    HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
    int vocabulary = vocabulary(network);
    for (long i = 0; i < inputs.size(); i++) {
      inputs.set(i, vocabulary > 0 ? random.nextInt(vocabulary) : (float) random.nextGaussian());
    }
    HostBuffer targets = scope.allocate(examples * loss.targetSize(network.outputShape()));
    int classes = network.outputShape().dim(-1);
    for (long i = 0; i < targets.size(); i++) {
      boolean index = loss.name().equals("cross-entropy");
      targets.set(i, index ? random.nextInt(classes) : (float) random.nextGaussian());
    }
    return Batch.of(network, loss, inputs, targets);
  }

  private static int vocabulary(Network network) {
    for (Step step : network.steps()) {
      if (step.op() instanceof TokenEmbedding embedding) {
        return embedding.table().shape().dim(0);
      }
    }
    return 0;
  }
}
