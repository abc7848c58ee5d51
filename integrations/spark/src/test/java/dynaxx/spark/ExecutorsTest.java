package dynaxx.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.network.Network;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The number of executors, and the loss of one, change no bit. */
class ExecutorsTest {

  private static final KnownCase CASE = KnownCase.mlpTanh();
  private static final int[] SIZES = {7, 0, 12, 3, 9, 1, 15, 8, 9};

  /** All that an operator gives, as doubles. */
  private static double[] everything(SparkHessian hessian, Scope scope, double[] probes) {
    int n = (int) hessian.dimension();
    Vectors v = Numbers.vectors(scope, 3, probes);
    Vectors hv = scope.vectors(3, n);
    hessian.apply(v, hv);
    return Stream.of(
            new double[] {hessian.loss(), hessian.gradientNorm(), hessian.examples()},
            Numbers.doubles(hessian.gradient()),
            Numbers.doubles(hv.buffer()),
            hessian.quadraticForm(v),
            new double[] {hessian.quadraticForm64(v.vector(0)).orElseThrow()})
        .flatMapToDouble(DoubleStream::of)
        .toArray();
  }

  private static double[] known(Cluster cluster) {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        SparkHessian hessian =
            new SparkHessian(
                () -> KnownCase.mlpTanh().network(),
                () -> KnownCase.mlpTanh().loss(),
                cluster.rdd(KnownData.partitions(CASE, SIZES)),
                device)) {
      hessian.linearize(CASE.host(scope, "parameters"));
      double[] found =
          everything(hessian, scope, Numbers.uniform(3 * (int) hessian.dimension(), 5));
      Lanczos.Result lanczos = Lanczos.fixed(4).withSeed(3).run(hessian);
      return DoubleStream.concat(
              DoubleStream.of(found), DoubleStream.of(lanczos.min().value(), lanczos.max().value()))
          .toArray();
    }
  }

  @Test
  void oneTwoAndFourExecutorsGiveTheSameBits() {
    double[] four = known(Cluster.of(4));
    assertTrue(four.length > 4 * CASE.network().parameterCount());
    assertArrayEquals(four, known(Cluster.of(2)), "two executors");
    assertArrayEquals(four, known(Cluster.of(1)), "one executor");
  }

  private static List<List<Examples>> regression(int partitions, int examples) {
    Random random = new Random(2);
    List<List<Examples>> all = new ArrayList<>();
    for (int p = 0; p < partitions; p++) {
      float[] inputs = new float[6 * examples];
      float[] targets = new float[2 * examples];
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] = (float) random.nextGaussian();
      }
      for (int i = 0; i < targets.length; i++) {
        targets[i] = (float) random.nextGaussian();
      }
      all.add(List.of(new Examples(inputs, targets)));
    }
    return all;
  }

  private static Network network() {
    return Mlp.of(Activation.TANH, 6, 8, 2);
  }

  @Test
  void anExecutorKilledInAProductChangesNothing(@TempDir Path folder) throws IOException {
    String file = folder.resolve("kill").toString();
    Cluster cluster = Cluster.of(2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        SparkHessian hessian =
            new SparkHessian(
                ExecutorsTest::network,
                () -> Interrupted.killedBy(file),
                cluster.rdd(regression(8, 5)),
                device)) {
      HostBuffer parameters = scope.allocate(hessian.dimension());
      network().initialize(parameters, 4);
      hessian.linearize(parameters);
      double[] probes = Numbers.uniform(3 * (int) hessian.dimension(), 6);
      double[] expected = everything(hessian, scope, probes);
      int lost = cluster.lost();
      Files.createFile(Path.of(file));
      assertArrayEquals(expected, everything(hessian, scope, probes), "killed in a product");
      assertFalse(Files.exists(Path.of(file)), "nobody was killed");
      Cluster.await("lost executors", lost + 1, cluster::lost);

      Files.createFile(Path.of(file));
      Vectors v = Numbers.vectors(scope, 3, probes);
      double[] forms = hessian.quadraticForm(v);
      assertFalse(Files.exists(Path.of(file)), "nobody was killed");
      Cluster.await("lost executors", lost + 2, cluster::lost);
      assertArrayEquals(forms, hessian.quadraticForm(v), "killed in a form");
      assertArrayEquals(expected, everything(hessian, scope, probes), "after that");
    }
  }
}
