package dynaxx.spark.example;

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
import dynaxx.spectrum.TraceEstimator;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * Largest eigenvalue and trace of a perceptron's Hessian at its starting values, over examples that
 * the executors draw themselves: normal inputs, labelled by the largest of ten of them.
 */
public final class SparkCurvature {

  private static final int INPUTS = 64;
  private static final int CLASSES = 10;

  private SparkCurvature() {}

  /**
   * Runs the example.
   *
   * @param args examples, partitions, and units of the hidden layer
   */
  public static void main(String[] args) {
    if (args.length != 3 || !Arrays.stream(args).allMatch(a -> a.matches("[1-9][0-9]{0,6}"))) {
      System.err.println(
          "arguments: found "
              + List.of(args)
              + ", expected three numbers from 1 to 9999999: examples, partitions, hidden units");
      System.exit(2);
    }
    int examples = Integer.parseInt(args[0]);
    int partitions = Integer.parseInt(args[1]);
    int hidden = Integer.parseInt(args[2]);
    try (JavaSparkContext spark = new JavaSparkContext(new SparkConf().setAppName("dynaxx"));
        Device device = Devices.open();
        Scope scope = Scope.open()) {
      HostBuffer parameters = scope.allocate(network(hidden).parameterCount());
      network(hidden).initialize(parameters, 1);
      measure(hidden, data(spark, examples, partitions), parameters, device);
    }
  }

  private static void measure(
      int hidden, JavaRDD<Examples> data, HostBuffer parameters, Device device) {
    try (SparkHessian hessian =
        new SparkHessian(() -> network(hidden), Loss::crossEntropy, data, device)) {
      hessian.linearize(parameters);
      System.out.println("examples    " + hessian.examples());
      System.out.println("loss        " + hessian.loss());
      System.out.println("lambda_max  " + Lanczos.lambdaMax().withSeed(1).run(hessian).max());
      System.out.println("trace       " + TraceEstimator.hutchinson(16, 1).run(hessian));
    }
  }

  private static Network network(int hidden) {
    return Mlp.of(Activation.TANH, INPUTS, hidden, CLASSES);
  }

  private static JavaRDD<Examples> data(JavaSparkContext spark, int examples, int partitions) {
    return spark
        .parallelize(IntStream.range(0, partitions).boxed().toList(), partitions)
        .map(p -> draw(p, examples / partitions + (p < examples % partitions ? 1 : 0)));
  }

  private static Examples draw(int seed, int count) {
    Random random = new Random(seed);
    float[] inputs = new float[count * INPUTS];
    float[] targets = new float[count];
    for (int e = 0; e < count; e++) {
      int largest = e * INPUTS;
      for (int i = e * INPUTS; i < (e + 1) * INPUTS; i++) {
        inputs[i] = (float) random.nextGaussian();
        if (i < e * INPUTS + CLASSES && inputs[i] > inputs[largest]) {
          largest = i;
        }
      }
      targets[e] = largest - e * INPUTS;
    }
    return new Examples(inputs, targets);
  }
}
