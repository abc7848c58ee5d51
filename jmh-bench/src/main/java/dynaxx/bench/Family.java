package dynaxx.bench;

import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.ConvolutionalNetwork;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;

/** Families of networks with random data in their shapes. */
enum Family {
  MLP,
  CNN,
  RESNET,
  GRU,
  LSTM,
  VIT,
  GPT,
  LLAMA;

  private static final int VOCABULARY = 64;

  private Network network() {
    return switch (this) {
      case MLP -> Mlp.of(Activation.TANH, 784, 256, 128, 10);
      case CNN ->
          new ConvolutionalNetwork()
              .image(1, 28, 28)
              .stages(16, 32)
              .blocks(1)
              .groupNorm(4)
              .classes(10)
              .build();
      case RESNET ->
          new ConvolutionalNetwork()
              .image(3, 32, 32)
              .stages(64, 128, 256, 512)
              .blocks(2)
              .groupNorm(4)
              .classes(10)
              .build();
      case GRU -> recurrent(Recurrent.GRU);
      case LSTM -> recurrent(Recurrent.LSTM);
      case VIT ->
          new VisionTransformer().patch(7).heads(4).embedding(64).depth(3).hidden(128).build();
      case GPT -> language(LanguageModel.gpt());
      case LLAMA -> language(LanguageModel.llama());
    };
  }

  private static Network recurrent(Recurrent kind) {
    return new SequenceModel().rows(28, 28).kind(kind).hidden(64).classes(10).build();
  }

  private static Network language(LanguageModel model) {
    return model
        .vocabulary(VOCABULARY)
        .context(32)
        .embedding(64)
        .depth(3)
        .heads(4)
        .hidden(128)
        .build();
  }

  static Optional<Family> of(String name) {
    return Arrays.stream(values()).filter(f -> f.name().equalsIgnoreCase(name)).findFirst();
  }

  private boolean tokens() {
    return this == GPT || this == LLAMA;
  }

  /** Examples that a usual batch has. */
  int usualBatch() {
    return tokens() || this == RESNET ? Workload.EXAMPLES / 4 : Workload.EXAMPLES;
  }

  Workload workload(int examples, Scope scope) {
    Network network = network();
    Loss loss = Loss.crossEntropy();
    Random random = new Random(1);
    HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
    HostBuffer targets = scope.allocate(examples * loss.targetSize(network.outputShape()));
    if (tokens()) {
      whole(inputs, VOCABULARY, random);
    } else {
      Workload.fill(inputs, random);
    }
    whole(targets, network.outputShape().dim(-1), random);
    HostBuffer parameters = scope.allocate(network.parameterCount());
    network.initialize(parameters, 1);
    return new Workload(network, loss, Batch.of(network, loss, inputs, targets), parameters);
  }

  private static void whole(HostBuffer values, int bound, Random random) {
    for (long i = 0; i < values.size(); i++) {
      values.set(i, random.nextInt(bound));
    }
  }
}
