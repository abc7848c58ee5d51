package dynaxx.network;

import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.network.op.LossFrame;

/** The inner product of an example's predictions with its targets. */
record LinearLoss() implements Loss {

  @Override
  public String name() {
    return "inner-product";
  }

  @Override
  public Loss with(String reduction, boolean exampleWeights) {
    if (!Weighing.of(reduction, exampleWeights).isPlain()) {
      throw new IllegalArgumentException(
          "reduction: found sum or example weights for inner-product, expected the mean: its"
              + " targets are weights");
    }
    return this;
  }

  @Override
  public long terms(Shape output) {
    return 1;
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
    f.device()
        .kernels()
        .elementwise()
        .dots(1, values(f), f.scale(), Strided.of(f.targets()), f.z(), loss);
  }

  @Override
  public void backward(LossFrame f, Buffer dz) {
    long n = values(f);
    f.device().algebra().axpby(f.scale(), f.targets().slice(0, n), 0, dz.slice(0, n));
  }

  @Override
  public void tangent(LossFrame f, int k, Buffer rz, Buffer rdz) {
    f.device().algebra().fill(rdz.slice(0, k * values(f)), 0);
  }

  private static long values(LossFrame f) {
    return f.examples() * f.output().size();
  }
}
