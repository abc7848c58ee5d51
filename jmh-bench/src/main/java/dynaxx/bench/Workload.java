package dynaxx.bench;

import dynaxx.cost.TransformerCost;
import dynaxx.cost.TransformerShape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;

/**
 * A network at its starting point, with random data in its shapes.
 *
 * @param network the network
 * @param loss cross-entropy
 * @param batch examples
 * @param parameters n values
 * @param forwardFlops floating-point operations of the matrix products of a forward pass over the
 *     batch, NaN where nobody counted
 */
record Workload(
    Network network, Loss loss, Batch batch, HostBuffer parameters, double forwardFlops) {

  static final int EXAMPLES = 256;

  /** Of a 224 x 224 image in patches of 16 x 16, and the class token. */
  static final int TOKENS = 197;

  Workload(Network network, Loss loss, Batch batch, HostBuffer parameters) {
    this(network, loss, batch, parameters, Double.NaN);
  }

  /** Sizes of a vision transformer. */
  private record Size(
      int channels,
      int pixels,
      int patch,
      int width,
      int depth,
      int heads,
      int hidden,
      int classes) {

    static Size of(String name) {
      return switch (name) {
        case "quick" -> new Size(1, 28, 7, 32, 3, 4, 64, 10);
        case "wide" -> new Size(1, 28, 7, 192, 4, 4, 768, 10);
        case "vit-s16" -> new Size(3, 224, 16, 384, 12, 6, 1536, 1000);
        case "vit-b16" -> new Size(3, 224, 16, 768, 12, 12, 3072, 1000);
        case "vit-1b" -> new Size(3, 224, 14, 1536, 36, 16, 6144, 1000);
        default ->
            throw new IllegalArgumentException(
                "network: found '"
                    + name
                    + "', expected quick, wide, vit-s16, vit-b16, vit-1b, a number of parameters"
                    + " such as 10M, or one of "
                    + Arrays.toString(Family.values()).toLowerCase(Locale.ROOT));
      };
    }

    Network network() {
      return new VisionTransformer()
          .image(channels, pixels, pixels)
          .patch(patch)
          .embedding(width)
          .depth(depth)
          .heads(heads)
          .hidden(hidden)
          .classes(classes)
          .build();
    }

    double forwardFlops(int examples) {
      double patches = (double) pixels / patch * pixels / patch;
      double tokens = patches + 1;
      double layer = 2 * tokens * (4.0 * width * width + 2.0 * width * hidden);
      double attention = 4 * tokens * tokens * width;
      double ends = 2 * patches * channels * patch * patch * width + 2.0 * width * classes;
      return examples * (depth * (layer + attention) + ends);
    }
  }

  /**
   * Builds one with as many examples as are usual for it.
   *
   * @param name {@code quick}, the demo's network, or {@code wide}, wide enough for matrix products
   *     to dominate; {@code vit-s16}, {@code vit-b16} (Dosovitskiy et al., 2021) and {@code vit-1b}
   *     are for a GPU; {@code 1M}, {@code 350M} or {@code 1B} for a usual shape with so many
   *     parameters; {@code mlp}, {@code cnn} and so on for a {@link Family}
   * @param scope owns the data
   */
  static Workload of(String name, Scope scope) {
    return of(name, 0, scope);
  }

  /** With so many examples, or as many as are usual if 0. */
  static Workload of(String name, int wanted, Scope scope) {
    Optional<Family> family = Family.of(name);
    int examples = wanted > 0 ? wanted : family.map(Family::usualBatch).orElse(EXAMPLES);
    if (family.isPresent()) {
      return family.get().workload(examples, scope);
    }
    Optional<TransformerShape> scale = scale(name);
    if (scale.isPresent()) {
      TransformerShape shape = scale.get();
      double flops = new TransformerCost(shape).form(examples, 1).flop() / 3;
      return of(shape.network(), shape.classes(), examples, flops, scope);
    }
    Size size = Size.of(name);
    return of(size.network(), size.classes(), examples, size.forwardFlops(examples), scope);
  }

  /** The shape of a name such as 10M or 1B: so many parameters, 197 tokens. */
  static Optional<TransformerShape> scale(String name) {
    if (!name.matches("\\d+[MB]")) {
      return Optional.empty();
    }
    long count = Long.parseLong(name.substring(0, name.length() - 1));
    long unit = name.endsWith("M") ? 1_000_000 : 1_000_000_000;
    return Optional.of(TransformerShape.of(count * unit, TOKENS));
  }

  private static Workload of(
      Network network, int classes, int examples, double forwardFlops, Scope scope) {
    Random random = new Random(1);
    HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
    HostBuffer labels = scope.allocate(examples);
    fill(inputs, random);
    for (int i = 0; i < examples; i++) {
      labels.set(i, random.nextInt(classes));
    }
    HostBuffer parameters = scope.allocate(network.parameterCount());
    network.initialize(parameters, 1);
    Loss loss = Loss.crossEntropy();
    Batch batch = Batch.of(network, loss, inputs, labels);
    return new Workload(network, loss, batch, parameters, forwardFlops);
  }

  static void fill(HostBuffer values, Random random) {
    for (long i = 0; i < values.size(); i++) {
      values.set(i, (float) random.nextGaussian());
    }
  }
}
