package dynaxx.model;

import dynaxx.layer.Activation;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Network;
import java.util.Collections;
import java.util.List;

/** Multilayer perceptrons. */
public final class Mlp {

  private Mlp() {}

  /**
   * Linear layers with the same activation between them, for example {@code Mlp.of(Activation.RELU,
   * 784, 32, 10)}. Parameters in order: {@code 0.weight}, {@code 0.bias}, {@code 1.weight}, and so
   * on.
   *
   * @param activation after every layer but the last
   * @param widths input, hidden layers, output; at least two
   * @return the network
   * @throws IllegalArgumentException if there are fewer than two widths or one is below 1
   */
  public static Network of(Activation activation, int... widths) {
    return of(Collections.nCopies(Math.max(0, widths.length - 2), activation), widths);
  }

  /**
   * Linear layers with activations between them. Parameters in order: {@code 0.weight}, {@code
   * 0.bias}, {@code 1.weight}, and so on.
   *
   * @param activations one after each layer but the last
   * @param widths input, hidden layers, output; at least two
   * @return the network
   * @throws IllegalArgumentException if there are fewer than two widths, one is below 1, or the
   *     activations are not two fewer than the widths
   */
  public static Network of(List<Activation> activations, int... widths) {
    if (widths.length < 2 || activations.size() != widths.length - 2) {
      throw new IllegalArgumentException(
          "widths: found "
              + widths.length
              + " with "
              + activations.size()
              + " activations, expected at least 2, and 2 more than activations");
    }
    NetworkBuilder g = NetworkBuilder.of(Shape.of(widths[0]));
    Node x = g.input();
    for (int i = 1; i < widths.length; i++) {
      if (i > 1) {
        x = g.activation(activations.get(i - 2), x);
      }
      x = g.linear(x, widths[i], Integer.toString(i - 1));
    }
    return g.build(x);
  }
}
