import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.Mlp;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.spark.Examples;
import dynaxx.spark.SparkHessian;
import dynaxx.spectrum.Lanczos;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** The largest eigenvalue of a loss over the partitions of an RDD. */
public final class Watch {

  private Watch() {}

  private static Network network() {
    return Mlp.of(Activation.TANH, 4, 8, 2);
  }

  /** Examples with random inputs, of the class that the first input's sign says. */
  private static List<Examples> data() {
    Random random = new Random(1);
    List<Examples> all = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      float[] input = new float[4];
      for (int j = 0; j < input.length; j++) {
        input[j] = (float) random.nextGaussian();
      }
      all.add(new Examples(input, new float[] {input[0] > 0 ? 1 : 0}));
    }
    return all;
  }

  /** Prints the number of examples and lambda_max, on two threads of this machine. */
  public static void main(String[] arguments) {
    SparkConf conf = new SparkConf().setMaster("local[2]").setAppName("watch");
    conf.set("spark.ui.enabled", "false");
    try (JavaSparkContext spark = new JavaSparkContext(conf);
        Device device = Devices.open();
        Scope scope = Scope.open();
        SparkHessian hessian =
            new SparkHessian(
                Watch::network, Loss::crossEntropy, spark.parallelize(data(), 4), device)) {
      HostBuffer parameters = scope.allocate(network().parameterCount());
      network().initialize(parameters, 1);
      hessian.linearize(parameters);
      System.out.println("examples " + hessian.examples());
      System.out.println("lambda_max " + Lanczos.lambdaMax().run(hessian).max());
    }
  }
}
