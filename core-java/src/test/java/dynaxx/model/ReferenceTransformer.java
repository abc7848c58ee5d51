package dynaxx.model;

import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.network.Network;
import dynaxx.network.op.PositionEmbedding;

/**
 * The two-block transformer of {@code vit_ref.json}; its parameters are declared in the reference's
 * order. All numbers come from a linear congruential generator and are no float32 values.
 */
public record ReferenceTransformer(Activation gelu) {

  /** The name of its results in the file. */
  public String key() {
    return gelu == Activation.GELU ? "erf" : "tanh";
  }

  public Network network() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(5, 12));
    NetworkBuilder.Node x = g.linear(g.input(), 8, "patch");
    x = g.add(new PositionEmbedding(g.parameter("pos", Initializer.ZEROS, 5, 8)), x);
    TransformerBlocks blocks = new TransformerBlocks(8, 2, 16, false, gelu, 0);
    x = blocks.block(g, "0", x);
    x = blocks.block(g, "1", x);
    x = g.meanTokens(g.layerNorm(x, "norm"));
    return g.build(g.linear(x, 3, "head"));
  }

  public double[] parameters() {
    Network network = network();
    double[] w = congruential((int) network.parameterCount(), 12345, 0.5);
    for (Parameter p : network.parameters()) {
      boolean gain = p.initializer().equals(Initializer.ONES);
      for (long i = 0; gain && i < p.size(); i++) {
        w[(int) (p.offset() + i)] += 1;
      }
    }
    return w;
  }

  public double[] inputs() {
    return congruential(4 * 5 * 12, 777, 1);
  }

  public double[] targets() {
    return new double[] {0, 1, 2, 1};
  }

  /** Three directions. */
  public double[] directions() {
    return congruential(3 * (int) network().parameterCount(), 4242, 1);
  }

  private static double[] congruential(int n, long seed, double scale) {
    double[] values = new double[n];
    long x = seed;
    for (int i = 0; i < n; i++) {
      x = (1103515245L * x + 12345) % (1L << 31);
      values[i] = (x / 2147483648.0 * 2 - 1) * scale;
    }
    return values;
  }
}
