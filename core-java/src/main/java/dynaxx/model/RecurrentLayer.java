package dynaxx.model;

import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Constant;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.SelectToken;
import dynaxx.network.op.Slice;
import dynaxx.network.op.Subtract;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/**
 * A layer of a recurrent network, unrolled over the steps of a sequence. States begin at zero.
 * Parameters have PyTorch's names, shapes and order of gates; the inputs of all steps are projected
 * by one matrix product, the states by one for each step.
 */
final class RecurrentLayer {

  /**
   * Parameters of one direction of one layer.
   *
   * @param inputWeight gates hidden x in
   * @param stateWeight gates hidden x hidden
   * @param inputBias gates hidden values, or null for none
   * @param stateBias gates hidden values, or null for none
   */
  record Weights(
      Parameter inputWeight, Parameter stateWeight, Parameter inputBias, Parameter stateBias) {

    /**
     * Declares them under PyTorch's names, such as {@code rnn.weight_ih_l0_reverse}, starting
     * uniform in plus or minus {@code 1 / sqrt(hidden)}.
     *
     * @param g the network
     * @param prefix for example {@code rnn}
     * @param kind of the layer
     * @param in values of each step of the input
     * @param hidden values of the state
     * @param layer number of the layer, from 0
     * @param reverse whether it is the direction from the last step to the first
     * @return the parameters
     */
    static Weights declare(
        NetworkBuilder g,
        String prefix,
        Recurrent kind,
        int in,
        int hidden,
        int layer,
        boolean reverse) {
      Initializer uniform = new Initializer(0, (float) (1 / Math.sqrt(hidden)));
      String end = "_l" + layer + (reverse ? "_reverse" : "");
      int rows = kind.gates() * hidden;
      return new Weights(
          g.parameter(prefix + ".weight_ih" + end, uniform, rows, in),
          g.parameter(prefix + ".weight_hh" + end, uniform, rows, hidden),
          g.parameter(prefix + ".bias_ih" + end, uniform, rows),
          g.parameter(prefix + ".bias_hh" + end, uniform, rows));
    }
  }

  private final NetworkBuilder g;
  private final Recurrent kind;
  private final Weights weights;
  private final int hidden;

  private RecurrentLayer(NetworkBuilder g, Recurrent kind, Weights weights) {
    this.g = g;
    this.kind = kind;
    this.weights = weights;
    this.hidden = weights.stateWeight().shape().dim(-1);
    int rows = weights.stateWeight().shape().dim(0);
    if (rows != kind.gates() * hidden) {
      throw new IllegalArgumentException(
          "recurrent: parameter '"
              + weights.stateWeight().name()
              + "' has shape "
              + weights.stateWeight().shape()
              + ", expected "
              + kind.gates()
              + " rows for each column for "
              + kind);
    }
  }

  /**
   * Adds one direction of one layer.
   *
   * @param g the network
   * @param kind of the layer
   * @param weights its parameters
   * @param x a sequence, [steps x in]
   * @param reverse whether it goes from the last step to the first
   * @return the state after each step of the input, each [hidden], in the order of the input: the
   *     final state is the last of them, or the first if reversed
   * @throws IllegalArgumentException naming op, input and both shapes, if shapes do not fit
   */
  static List<Node> states(
      NetworkBuilder g, Recurrent kind, Weights weights, Node x, boolean reverse) {
    Objects.requireNonNull(kind, "kind");
    return new RecurrentLayer(g, kind, weights).unroll(x, reverse);
  }

  /**
   * Puts states together to a sequence.
   *
   * @param g the network
   * @param states one for each step, all [hidden]
   * @return [steps x hidden]
   */
  static Node sequence(NetworkBuilder g, List<Node> states) {
    Node all = g.add(new Concat(0), states.toArray(Node[]::new));
    int hidden = states.getFirst().shape().dim(0);
    return g.add(new Reshape(Shape.of(states.size(), hidden)), all);
  }

  private List<Node> unroll(Node x, boolean reverse) {
    Node projected = g.add(new Linear(weights.inputWeight(), weights.inputBias()), x);
    int steps = x.shape().dim(0);
    List<Node> states = new ArrayList<>();
    State state = null;
    for (int i = 0; i < steps; i++) {
      Node gx = g.add(new SelectToken(reverse ? steps - 1 - i : i), projected);
      Node h = state == null ? zero() : state.h;
      Node gh = g.add(new Linear(weights.stateWeight(), weights.stateBias()), h);
      state = step(gx, gh, h, state);
      states.add(state.h);
    }
    if (reverse) {
      Collections.reverse(states);
    }
    return states;
  }

  /** What goes from step to step; c only for LSTM. */
  private record State(Node h, Node c) {}

  private State step(Node gx, Node gh, Node h, State before) {
    return switch (kind) {
      case RNN_TANH -> new State(g.tanh(g.add(gx, gh)), null);
      case RNN_RELU -> new State(g.relu(g.add(gx, gh)), null);
      case GRU -> new State(gru(gx, gh, h), null);
      case LSTM -> lstm(g.add(gx, gh), before == null ? null : before.c);
    };
  }

  private Node gru(Node gx, Node gh, Node h) {
    Node both = g.sigmoid(g.add(gates(gx, 0, 2), gates(gh, 0, 2)));
    Node r = gates(both, 0, 1);
    Node z = gates(both, 1, 2);
    Node reset = g.multiply(r, gates(gh, 2, 3));
    Node n = g.tanh(g.add(gates(gx, 2, 3), reset));
    return g.add(n, g.multiply(z, g.add(new Subtract(), h, n)));
  }

  private State lstm(Node gates, Node c) {
    Node g1 = g.tanh(gates(gates, 2, 3));
    Node next;
    if (c == null) {
      next = g.multiply(g.sigmoid(gates(gates, 0, 1)), g1);
    } else {
      Node both = g.sigmoid(gates(gates, 0, 2));
      next = g.add(g.multiply(gates(both, 1, 2), c), g.multiply(gates(both, 0, 1), g1));
    }
    Node o = g.sigmoid(gates(gates, 3, 4));
    return new State(g.multiply(o, g.tanh(next)), next);
  }

  private Node zero() {
    return g.add(Constant.filled(Shape.of(hidden), 0));
  }

  private Node gates(Node x, int from, int to) {
    return g.add(Slice.of(0, from * hidden, to * hidden), x);
  }
}
