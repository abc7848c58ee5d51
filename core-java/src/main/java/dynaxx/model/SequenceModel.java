package dynaxx.model;

import static dynaxx.model.TransformerBlocks.require;

import dynaxx.layer.Initializer;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.model.RecurrentLayer.Weights;
import dynaxx.network.Network;
import java.util.ArrayList;
import java.util.List;

/**
 * Builds a recurrent classifier of sequences: rows of an image or other real vectors, or embedded
 * tokens, then layers of a {@link Recurrent} network, then a linear head on the final state of the
 * last layer; with both directions on the two final states side by side. Parameters come in the
 * order embedding, layers (forward before reverse), head.
 */
public final class SequenceModel {

  private int steps = 28;
  private int features = 28;
  private int vocabulary;
  private Recurrent kind = Recurrent.GRU;
  private int layers = 1;
  private int hidden = 64;
  private boolean bidirectional;
  private int classes = 10;

  /** 28 steps of 28 values, GRU, 1 layer of 64 in one direction, 10 classes. */
  public SequenceModel() {}

  /**
   * Reads real vectors, for example the rows of an image.
   *
   * @param steps vectors of each example, at least 1
   * @param features values of each, at least 1
   * @return this
   */
  public SequenceModel rows(int steps, int features) {
    this.steps = steps;
    this.features = features;
    this.vocabulary = 0;
    return this;
  }

  /**
   * Reads token numbers and embeds them.
   *
   * @param vocabulary number of different tokens, at least 1
   * @param steps tokens of each example, at least 1
   * @param width values of each embedded token, at least 1
   * @return this
   */
  public SequenceModel tokens(int vocabulary, int steps, int width) {
    require("vocabulary", vocabulary, vocabulary >= 1, "at least 1");
    this.steps = steps;
    this.features = width;
    this.vocabulary = vocabulary;
    return this;
  }

  /**
   * Kind of the layers.
   *
   * @param kind default GRU
   * @return this
   */
  public SequenceModel kind(Recurrent kind) {
    this.kind = kind;
    return this;
  }

  /**
   * Number of layers.
   *
   * @param layers at least 1
   * @return this
   */
  public SequenceModel layers(int layers) {
    this.layers = layers;
    return this;
  }

  /**
   * Values of each state.
   *
   * @param hidden at least 1
   * @return this
   */
  public SequenceModel hidden(int hidden) {
    this.hidden = hidden;
    return this;
  }

  /**
   * Whether every layer also goes from the last step to the first.
   *
   * @param bidirectional default false
   * @return this
   */
  public SequenceModel bidirectional(boolean bidirectional) {
    this.bidirectional = bidirectional;
    return this;
  }

  /**
   * Number of predictions.
   *
   * @param classes at least 1
   * @return this
   */
  public SequenceModel classes(int classes) {
    this.classes = classes;
    return this;
  }

  /**
   * Builds it.
   *
   * @return the network; input [steps x features], or [steps] token numbers; output [classes]
   * @throws IllegalArgumentException naming the setting, what was found and what was expected
   */
  public Network build() {
    require("steps", steps, steps >= 1, "at least 1");
    require("features", features, features >= 1, "at least 1");
    require("layers", layers, layers >= 1, "at least 1");
    require("hidden", hidden, hidden >= 1, "at least 1");
    require("classes", classes, classes >= 1, "at least 1");
    boolean embeds = vocabulary > 0;
    NetworkBuilder g = NetworkBuilder.of(embeds ? Shape.of(steps) : Shape.of(steps, features));
    Node x = g.input();
    if (embeds) {
      x = g.embedding(x, vocabulary, features, "embedding");
    }
    for (int layer = 0; layer < layers; layer++) {
      x = layer(g, x, layer);
    }
    Initializer uniform = new Initializer(0, (float) (1 / Math.sqrt(x.shape().dim(0))));
    return g.build(g.linear(x, classes, "head", uniform, uniform));
  }

  /** The sequence of states, or the final ones of the last layer. */
  private Node layer(NetworkBuilder g, Node x, int layer) {
    boolean last = layer == layers - 1;
    List<Node> directions = new ArrayList<>();
    for (int d = 0; d < (bidirectional ? 2 : 1); d++) {
      boolean reverse = d == 1;
      int in = x.shape().dim(-1);
      Weights weights = Weights.declare(g, "rnn", kind, in, hidden, layer, reverse);
      List<Node> states = RecurrentLayer.states(g, kind, weights, x, reverse);
      Node end = reverse ? states.getFirst() : states.getLast();
      directions.add(last ? end : RecurrentLayer.sequence(g, states));
    }
    Node[] sides = directions.toArray(Node[]::new);
    return bidirectional ? g.concat(-1, sides) : sides[0];
  }
}
