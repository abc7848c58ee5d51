import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.operator.GradientDifference;
import dynaxx.samediff.SameDiffGradients;
import dynaxx.spectrum.Lanczos;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The largest eigenvalue of a SameDiff graph's loss. */
public final class Watch {

  private Watch() {}

  /** Least squares of 4 examples, whose Hessian is diag(2, 8): prints lambda_max, 8. */
  public static void main(String[] arguments) {
    SameDiff graph = SameDiff.create();
    SDVariable x = graph.placeHolder("x", DataType.FLOAT, -1, 2);
    SDVariable y = graph.placeHolder("y", DataType.FLOAT, -1, 1);
    SDVariable w = graph.var("w", Nd4j.createFromArray(1f, -1f).reshape(2, 1));
    graph.loss().meanSquaredError("loss", y, x.mmul(w), null);
    graph.setLossVariables("loss");
    INDArray inputs = Nd4j.createFromArray(new float[][] {{1, 2}, {1, -2}, {-1, 2}, {-1, -2}});
    INDArray targets = Nd4j.createFromArray(new float[][] {{1}, {0}, {2}, {1}});

    SameDiffGradients gradients = new SameDiffGradients(graph, Map.of("x", inputs, "y", targets));
    try (Device device = Devices.open();
        GradientDifference hessian = gradients.operator(device)) {
      double largest = Lanczos.lambdaMax().run(hessian).max().value();
      System.out.printf("lambda_max %.3f%n", largest);
    }
  }
}
