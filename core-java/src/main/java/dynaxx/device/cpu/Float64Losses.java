package dynaxx.device.cpu;

import dynaxx.kernel.LossKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;

/** Softmax cross-entropy and squared error in float64. */
final class Float64Losses implements LossKernels {

  private final Float64Loops loops;

  Float64Losses(Float64Loops loops) {
    this.loops = loops;
  }

  @Override
  public void crossEntropy(
      long rows, int classes, double scale, Buffer z, Buffer targets, Buffer p, Scalars loss) {
    Float64Buffer logits = Float64Buffer.of(z);
    Float64Buffer wanted = Float64Buffer.of(targets);
    Float64Buffer probabilities = Float64Buffer.of(p);
    loops.addSums(
        rows,
        classes,
        1,
        scale,
        loss,
        (sums, row) -> {
          double[] v = logits.read(row * classes, classes);
          double target = v[(int) wanted.id(row)];
          sums[0] += Float64Softmax.normalise(v) - target;
          probabilities.write(row * classes, v);
        });
  }

  @Override
  public void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, Buffer dz) {
    Float64Buffer probabilities = Float64Buffer.of(p);
    Float64Buffer wanted = Float64Buffer.of(targets);
    Float64Buffer out = Float64Buffer.of(dz);
    loops.rows(
        rows,
        classes,
        row -> {
          double[] v = probabilities.read(row * classes, classes);
          int target = (int) wanted.id(row);
          v[target] = 0;
          v[target] = -Doubles.sum(v);
          Doubles.scale(v, scale);
          out.write(row * classes, v);
        });
  }

  @Override
  public void crossEntropyTangent(
      int k,
      long rows,
      int classes,
      double scale,
      Buffer p,
      Buffer targets,
      Buffer rz,
      Buffer rdz) {
    Float64Buffer probabilities = Float64Buffer.of(p);
    Float64Buffer wanted = Float64Buffer.of(targets);
    Float64Buffer in = Float64Buffer.of(rz);
    Float64Buffer out = Float64Buffer.of(rdz);
    loops.rows(
        rows,
        classes,
        row -> {
          double[] vp = probabilities.read(row * classes, classes);
          int target = (int) wanted.id(row);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + row) * classes;
            double[] q = in.read(at, classes);
            Doubles.shift(q, -q[target]);
            Float64Softmax.centre(q, vp);
            q = Doubles.product(vp, q);
            Doubles.scale(q, scale);
            out.write(at, q);
          }
        });
  }

  @Override
  public void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss) {
    Float64Buffer in = Float64Buffer.of(z);
    Float64Buffer wanted = Float64Buffer.of(targets);
    loops.addPieceSums(
        n,
        1,
        scale,
        loss,
        (sums, at, size) ->
            sums[0] += Doubles.squaredDistance(in.read(at, size), wanted.read(at, size)));
  }

  @Override
  public void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    Float64Buffer in = Float64Buffer.of(z);
    Float64Buffer wanted = Float64Buffer.of(targets);
    Float64Buffer out = Float64Buffer.of(dz);
    loops.pieces(
        n,
        (at, size) -> {
          double[] v = in.read(at, size);
          Doubles.add(v, -1, wanted.read(at, size));
          Doubles.scale(v, 2 * scale);
          out.write(at, v);
        });
  }
}
