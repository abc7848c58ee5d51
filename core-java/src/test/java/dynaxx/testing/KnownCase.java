package dynaxx.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Activate;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Flatten;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.PoolWindow;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.Stream;

/**
 * A small trained network whose exact curvature was computed in float64 by PyTorch's double
 * backward; see the README beside the resources.
 */
public record KnownCase(String name, Network network, Loss loss) {

  public static Stream<KnownCase> all() {
    return Stream.of(mlpTanh(), mlpRegression(), vitSmall(), lmCausal(), cnnRelu(), gru());
  }

  public static KnownCase mlpTanh() {
    return new KnownCase("mlp-tanh", Mlp.of(Activation.TANH, 49, 24, 10), Loss.crossEntropy());
  }

  public static KnownCase mlpRegression() {
    Network network = Mlp.of(List.of(Activation.SOFTPLUS, Activation.SIGMOID), 12, 20, 12, 1);
    return new KnownCase("mlp-regression", network, Loss.meanSquaredError());
  }

  public static KnownCase vitSmall() {
    Network network =
        new VisionTransformer()
            .image(1, 14, 14)
            .patch(7)
            .embedding(16)
            .depth(2)
            .heads(2)
            .hidden(32)
            .classes(10)
            .build();
    return new KnownCase("vit-small", network, Loss.crossEntropy());
  }

  public static KnownCase lmCausal() {
    Network network =
        new LanguageModel()
            .vocabulary(23)
            .context(16)
            .embedding(16)
            .depth(1)
            .heads(2)
            .hidden(32)
            .build();
    return new KnownCase("lm-causal", network, Loss.crossEntropy());
  }

  /** Reads the rows of an image and classifies by the last state. */
  public static KnownCase gru() {
    Network network =
        new SequenceModel().rows(14, 14).kind(Recurrent.GRU).hidden(16).classes(10).build();
    return new KnownCase("gru", network, Loss.crossEntropy());
  }

  public static KnownCase cnnRelu() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(1, 14, 14));
    Node x = g.add(conv(g, "0", 6, 1).withPadding(1), g.input());
    x = g.add(new Activate(Activation.RELU), x);
    x = g.add(new MaxPool(PoolWindow.of(2)), x);
    x = g.add(conv(g, "3", 12, 6).withPadding(1), x);
    x = g.add(new Activate(Activation.RELU), x);
    x = g.add(new AveragePool(PoolWindow.global()), x);
    x = g.add(new Flatten(), x);
    Parameter weight = g.parameter("7.weight", Initializer.glorot(12, 10), 10, 12);
    Parameter bias = g.parameter("7.bias", Initializer.ZEROS, 10);
    Network network = g.build(g.add(new Linear(weight, bias), x));
    return new KnownCase("cnn-relu", network, Loss.crossEntropy());
  }

  private static Conv conv(NetworkBuilder g, String name, int out, int in) {
    Initializer glorot = Initializer.glorot(9L * in, 9L * out);
    Parameter weight = g.parameter(name + ".weight", glorot, out, in, 3, 3);
    return Conv.of(weight, g.parameter(name + ".bias", Initializer.ZEROS, out));
  }

  /**
   * Of {@code cnn-relu}, two pixels of a pooling window may round to the same number, and then the
   * first is the maximum. The order in which a device adds up decides, and its gradient tells.
   *
   * @param gradient what a device has found
   * @return what to expect, this or the same case with the other pixel
   */
  public KnownCase sideOf(float[] gradient) {
    if (!name.equals("cnn-relu")) {
      return this;
    }
    KnownCase tie = new KnownCase(name + "/tie", network, loss);
    return distance(tie, gradient) < distance(this, gradient) ? tie : this;
  }

  private static double distance(KnownCase side, float[] gradient) {
    return Numbers.relativeDifference(side.array("gradient"), gradient);
  }

  public JsonNode expected() {
    return json(name + "/expected.json");
  }

  public static JsonNode json(String resource) {
    try (InputStream in = KnownCase.class.getResourceAsStream("/dynaxx/cases/" + resource)) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(resource, e);
    }
  }

  public double[] array(String file) {
    return Npy.read(name + "/" + file + ".npy");
  }

  public HostBuffer host(Scope scope, String file) {
    return (HostBuffer) Numbers.vectors(scope, 1, array(file)).buffer();
  }

  public Batch batch(Scope scope) {
    return Batch.of(network, loss, host(scope, "inputs"), host(scope, "targets"));
  }

  @Override
  public String toString() {
    return name;
  }
}
