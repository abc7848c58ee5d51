package dynaxx.network;

import dynaxx.backend.Activation;
import dynaxx.network.Network.Node;

/** Multilayer perceptrons. */
public final class Mlp {

  private Mlp() {}

  /**
   * Linear layers with an activation between them. Parameters in order: {@code 0.weight}, {@code
   * 0.bias}, {@code 1.weight}, and so on.
   *
   * @param activation between layers
   * @param widths input, hidden layers, output; at least two
   * @return the network
   * @throws IllegalArgumentException if there are fewer than two widths or one is below 1
   */
  public static Network of(Activation activation, int... widths) {
    if (widths.length < 2) {
      throw new IllegalArgumentException(
          "widths: found " + widths.length + ", expected at least 2");
    }
    Network.Builder g = Network.builder(Shape.of(widths[0]));
    Node x = g.input();
    for (int i = 1; i < widths.length; i++) {
      if (i > 1) {
        x = g.add(new Activate(activation), x);
      }
      x = TransformerBlocks.linear(g, Integer.toString(i - 1), x, widths[i]);
    }
    return g.build(x);
  }
}
