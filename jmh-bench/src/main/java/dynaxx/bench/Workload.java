package dynaxx.bench;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.VisionTransformer;
import java.util.Random;

/**
 * A vision transformer at its starting point, with random images and labels.
 *
 * @param network the network
 * @param loss cross-entropy
 * @param batch examples
 * @param parameters n values
 */
record Workload(Network network, Loss loss, Batch batch, HostBuffer parameters) {

  static final int EXAMPLES = 256;

  /**
   * Builds one.
   *
   * @param name {@code quick}, the demo's network, or {@code wide}, wide enough for matrix products
   *     to dominate
   * @param scope owns the data
   */
  static Workload of(String name, Scope scope) {
    VisionTransformer builder = new VisionTransformer().patch(7).heads(4);
    Network network =
        name.equals("quick")
            ? builder.embedding(32).depth(3).hidden(64).build()
            : builder.embedding(192).depth(4).hidden(768).build();
    Random random = new Random(1);
    HostBuffer inputs = scope.allocate(EXAMPLES * network.inputShape().size());
    HostBuffer labels = scope.allocate(EXAMPLES);
    fill(inputs, random);
    for (int i = 0; i < EXAMPLES; i++) {
      labels.set(i, random.nextInt(10));
    }
    HostBuffer parameters = scope.allocate(network.parameterCount());
    network.initialize(parameters, 1);
    Loss loss = Loss.crossEntropy();
    return new Workload(network, loss, Batch.of(network, loss, inputs, labels), parameters);
  }

  static void fill(HostBuffer values, Random random) {
    for (long i = 0; i < values.size(); i++) {
      values.set(i, (float) random.nextGaussian());
    }
  }
}
