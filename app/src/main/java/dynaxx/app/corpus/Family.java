package dynaxx.app.corpus;

import dynaxx.app.data.FirstOf;
import dynaxx.app.data.ModularAddition;
import dynaxx.app.data.OneHot;
import dynaxx.app.data.Passages;
import dynaxx.app.data.TokenSums;
import dynaxx.app.train.Examples;
import dynaxx.layer.Activation;
import dynaxx.model.ConvolutionalNetwork;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import java.util.Locale;

/** Kinds of network; each has a few thousand parameters. */
public enum Family {
  /** 14 x 14 images, two hidden layers. */
  PERCEPTRON,
  /** 7 x 7 images, residual blocks with batch normalisation. */
  CNN,
  /** 14 x 14 images in four patches. */
  VIT,
  /** Passages of text, character by character. */
  GPT,
  /** Rows of 7 x 7 images, or sums modulo a prime. */
  GRU;

  private static final int CLASSES = 10;
  private static final int PASSAGE = 6;
  private static final int MODULUS = 23;
  private static final double TRAINING_PART = 0.7;

  /**
   * What is trained on what.
   *
   * @param tokens size of the vocabulary if inputs are token numbers, or 0
   */
  record Task(Network network, Loss loss, Examples training, Examples validation, int tokens) {}

  /** How many variants of the network there are. */
  int variants() {
    return switch (this) {
      case PERCEPTRON -> 3;
      case CNN, VIT, GPT, GRU -> 2;
    };
  }

  /** Whether squared errors are as natural as cross entropy. */
  boolean squaredErrors() {
    return this == PERCEPTRON;
  }

  Task task(Specification run) {
    return switch (this) {
      case PERCEPTRON -> perceptron(run);
      case CNN -> images(run, CorpusData.tiny(), cnn(run.variant()).batchNorm().build());
      case VIT -> images(run, CorpusData.small(), vit(run.variant()));
      case GPT -> gpt(run);
      case GRU -> run.variant() == 0 ? rows(run) : sums(run);
    };
  }

  private static Task perceptron(Specification run) {
    Activation[] activations = {Activation.TANH, Activation.RELU, Activation.GELU};
    Network network = Mlp.of(activations[run.variant()], 196, 24, 16, CLASSES);
    return images(run, CorpusData.small(), network);
  }

  private static Task images(Specification run, CorpusData.Images images, Network network) {
    Examples training = new FirstOf(images.training(), run.examples());
    Examples validation = images.validation();
    return run.squaredErrors()
        ? new Task(
            network,
            Loss.meanSquaredError(),
            new OneHot(training, CLASSES),
            new OneHot(validation, CLASSES),
            0)
        : new Task(network, Loss.crossEntropy(), training, validation, 0);
  }

  static ConvolutionalNetwork cnn(int variant) {
    ConvolutionalNetwork network = new ConvolutionalNetwork().image(1, 7, 7).classes(CLASSES);
    return variant == 0 ? network.stages(4, 8).blocks(1) : network.stages(6).blocks(1);
  }

  private static Network vit(int variant) {
    return new VisionTransformer()
        .image(1, 14, 14)
        .patch(7)
        .embedding(12)
        .depth(1 + variant)
        .heads(2)
        .hidden(24)
        .classes(CLASSES)
        .build();
  }

  private static Task gpt(Specification run) {
    Passages.Parts text = CorpusData.text(PASSAGE);
    int tokens = text.train().characters().length();
    Network network =
        LanguageModel.gpt()
            .vocabulary(tokens)
            .context(PASSAGE)
            .embedding(12)
            .depth(1 + run.variant())
            .heads(2)
            .hidden(24)
            .build();
    return new Task(
        network,
        Loss.crossEntropy(),
        new FirstOf(text.train(), run.examples()),
        new FirstOf(text.validation(), CorpusData.VALIDATION),
        tokens);
  }

  private static Task rows(Specification run) {
    Network network =
        new SequenceModel()
            .kind(Recurrent.GRU)
            .rows(7, 7)
            .layers(1)
            .hidden(20)
            .classes(CLASSES)
            .build();
    return images(run, CorpusData.tiny(), network);
  }

  private static Task sums(Specification run) {
    ModularAddition[] sets = ModularAddition.split(MODULUS, TRAINING_PART, run.seed());
    Network network =
        new SequenceModel()
            .kind(Recurrent.GRU)
            .tokens(MODULUS, 2, 16)
            .layers(1)
            .hidden(24)
            .classes(MODULUS)
            .build();
    Examples training = new TokenSums(sets[0]);
    return new Task(
        network,
        Loss.crossEntropy(),
        new FirstOf(training, Math.min(run.examples(), training.count())),
        new TokenSums(sets[1]),
        MODULUS);
  }

  /** As it is written on the command line and in files. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
