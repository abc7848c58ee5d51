package dynaxx.app;

import dynaxx.app.data.FashionMnist;
import dynaxx.app.data.Passages;
import dynaxx.app.io.UserException;
import dynaxx.app.train.Examples;
import dynaxx.layer.Activation;
import dynaxx.model.ConvolutionalNetwork;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.network.Network;
import java.nio.file.Path;
import java.util.Locale;

/** Families of networks that the demo trains. */
enum Arch {
  /** A vision transformer, as large as the preset says. */
  VIT("Vision transformer", null),
  /** A perceptron with one hidden layer on all pixels. */
  MLP("Perceptron", new Preset.Training(64, 2e-3, 0.01, 40)),
  /** A residual convolutional network with group normalisation. */
  CNN("Convolutional network", new Preset.Training(64, 3e-3, 0.01, 40)),
  /** A gated recurrent network that reads the rows of an image one after the other. */
  GRU("Recurrent network (GRU)", new Preset.Training(64, 5e-3, 0.01, 40)),
  /** A small GPT that continues passages of a text, character by character. */
  LM("Language model", new Preset.Training(32, 3e-3, 0.05, 40));

  private static final int SIDE = 28;
  private static final int CONTEXT = 32;

  final String title;
  private final Preset.Training own;

  Arch(String title, Preset.Training own) {
    this.title = title;
    this.own = own;
  }

  /** What it is trained on. */
  record Data(String name, String noun, Examples train, Examples validation, String characters) {}

  Preset.Training training(Preset preset) {
    return own == null ? preset.training : own;
  }

  /**
   * Its data.
   *
   * @param folder of the full Fashion-MNIST, or null for what comes with dynaxx
   */
  Data data(Path folder) {
    if (this == LM) {
      if (folder != null) {
        throw new UserException(
            "--data: found "
                + folder
                + " for --arch lm, expected none: it reads the text that comes"
                + " with dynaxx");
      }
      Passages.Parts text = Passages.embedded(CONTEXT);
      String characters = text.train().characters();
      return new Data("Genesis", "passages", text.train(), text.validation(), characters);
    }
    FashionMnist images = folder == null ? FashionMnist.embedded() : FashionMnist.from(folder);
    return new Data("Fashion-MNIST", "images", images.train(), images.test(), "");
  }

  Network network(Preset preset, Data data) {
    return switch (this) {
      case VIT -> preset.architecture.build();
      case MLP -> Mlp.of(Activation.TANH, SIDE * SIDE, 32, 10);
      case CNN ->
          new ConvolutionalNetwork()
              .image(1, SIDE, SIDE)
              .stages(8, 16)
              .blocks(1)
              .groupNorm(4)
              .classes(10)
              .build();
      case GRU ->
          new SequenceModel().rows(SIDE, SIDE).kind(Recurrent.GRU).hidden(32).classes(10).build();
      case LM ->
          LanguageModel.gpt()
              .vocabulary(data.characters().length())
              .context(CONTEXT)
              .embedding(32)
              .depth(2)
              .heads(4)
              .hidden(64)
              .build();
    };
  }

  /** As it is written on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
