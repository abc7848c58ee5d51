package dynaxx.network;

import dynaxx.kernel.Scalars;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.network.op.LossFrame;
import dynaxx.network.op.LossRoot;
import java.util.Arrays;
import java.util.random.RandomGenerator;

final class MeanSquaredError implements Loss {

  @Override
  public Loss with(String reduction, boolean exampleWeights) {
    Weighing weighing = Weighing.of(reduction, exampleWeights);
    return weighing.isPlain() ? this : onHost().with(reduction, exampleWeights);
  }

  private HostLoss onHost() {
    return HostLoss.elements(
        name(), HostLoss.Targets.FINITE, ElementTerms.squared(), Scores.normal());
  }

  @Override
  public double[] score(Shape output, double[] z, double[] targets, RandomGenerator random) {
    return onHost().score(output, z, targets, random);
  }

  @Override
  public String name() {
    return "mse";
  }

  @Override
  public long terms(Shape output) {
    return output.size();
  }

  @Override
  public long targetSize(Shape output) {
    return output.size();
  }

  @Override
  public long savedSize(Shape output) {
    return 0;
  }

  @Override
  public void check(Shape output, HostBuffer targets) {
    HostLoss.Targets.FINITE.check(targets);
  }

  @Override
  public void forward(LossFrame f, Scalars loss) {
    f.device().kernels().losses().squaredError(values(f), f.scale(), f.z(), f.targets(), loss);
  }

  @Override
  public void backward(LossFrame f, Buffer dz) {
    f.device()
        .kernels()
        .losses()
        .squaredErrorBackward(values(f), f.scale(), f.z(), f.targets(), dz);
  }

  @Override
  public void tangent(LossFrame f, int k, Buffer rz, Buffer rdz) {
    long n = k * values(f);
    f.device().algebra().axpby(2 * f.scale(), rz.slice(0, n), 0, rdz.slice(0, n));
  }

  @Override
  public LossRoot root(LossFrame f) {
    double root = HostRoot.factor(name(), 2 * f.scale());
    return new HostRoot(
        f,
        Math.toIntExact(f.output().size()),
        (example, r, dz) -> Arrays.setAll(dz, i -> root * r[i]));
  }

  private static long values(LossFrame f) {
    return f.examples() * f.output().size();
  }
}
