import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.initializer.XavierInitializer;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.djl.DjlHessian;
import dynaxx.djl.DjlNetwork;
import dynaxx.memory.Scope;
import dynaxx.network.Loss;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;

/** The largest eigenvalue of a DJL block's loss, by dynaxx's own passes and through the engine. */
public final class Watch {

  private Watch() {}

  /** Prints both. */
  public static void main(String[] arguments) {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.open();
        Scope scope = Scope.open()) {
      SequentialBlock block =
          new SequentialBlock()
              .add(Linear.builder().setUnits(8).build())
              .add(Activation::tanh)
              .add(Linear.builder().setUnits(3).build());
      block.setInitializer(new XavierInitializer(), Parameter.Type.WEIGHT);
      block.initialize(manager, DataType.FLOAT32, new Shape(32, 4));
      NDList data = new NDList(manager.randomNormal(new Shape(32, 4)));
      NDList labels = new NDList(manager.arange(32).mod(3).toType(DataType.INT64, false));

      DjlNetwork network = DjlNetwork.of(block, new Shape(32, 4));
      Loss loss = Loss.crossEntropy();
      Hessian ours =
          new Hessian(network.network(), loss, network.batch(loss, data, labels, scope), device);
      scope.onClose(ours::close);
      ours.linearize(network.parameters(scope));
      double largest = Lanczos.lambdaMax().run(ours).max().value();

      var engine = ai.djl.training.loss.Loss.softmaxCrossEntropyLoss();
      try (DjlHessian theirs = new DjlHessian(block, engine, data, labels, device)) {
        double same = Lanczos.lambdaMax().run(theirs).max().value();
        System.out.printf("lambda_max %.4f and %.4f%n", largest, same);
        System.out.println(
            Math.abs(largest - same) < 1e-4 * largest ? "they agree" : "they differ");
      }
    }
  }
}
