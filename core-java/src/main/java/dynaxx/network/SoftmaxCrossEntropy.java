package dynaxx.network;

import dynaxx.kernel.Scalars;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.network.op.LossFrame;

final class SoftmaxCrossEntropy implements Loss {

  @Override
  public String name() {
    return "cross-entropy";
  }

  @Override
  public boolean takesLogits() {
    return true;
  }

  @Override
  public long terms(Shape output) {
    return output.rows();
  }

  @Override
  public long targetSize(Shape output) {
    if (output.rank() == 0) {
      throw new IllegalArgumentException(
          "loss: found cross-entropy for a network with one number for each example, expected"
              + " another loss, or an axis of classes at the end of the output");
    }
    return output.rows();
  }

  @Override
  public long savedSize(Shape output) {
    return output.size();
  }

  @Override
  public void check(Shape output, HostBuffer targets) {
    int classes = output.dim(-1);
    for (long i = 0; i < targets.size(); i++) {
      float target = targets.get(i);
      if (!(target >= 0 && target < classes && target == Math.rint(target))) {
        throw new IllegalArgumentException(
            "targets: found "
                + target
                + " at "
                + i
                + ", expected a class from 0 to "
                + (classes - 1));
      }
    }
  }

  @Override
  public void forward(LossFrame f, Scalars loss) {
    f.device()
        .kernels()
        .losses()
        .crossEntropy(rows(f), f.output().dim(-1), f.scale(), f.z(), f.targets(), f.saved(), loss);
  }

  @Override
  public void backward(LossFrame f, Buffer dz) {
    f.device()
        .kernels()
        .losses()
        .crossEntropyBackward(rows(f), f.output().dim(-1), f.scale(), f.saved(), f.targets(), dz);
  }

  @Override
  public void tangent(LossFrame f, int k, Buffer rz, Buffer rdz) {
    f.device()
        .kernels()
        .losses()
        .crossEntropyTangent(
            k, rows(f), f.output().dim(-1), f.scale(), f.saved(), f.targets(), rz, rdz);
  }

  private static long rows(LossFrame f) {
    return f.examples() * f.output().rows();
  }
}
