package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;
import java.util.Arrays;

/** Convolutions in float64, straight from their definition; a plane is one thread's. */
final class Float64Convolutions implements ConvolutionKernels {

  private final Float64Loops loops;

  Float64Convolutions(Float64Loops loops) {
    this.loops = loops;
  }

  /** The arrays that one output plane and one input plane of a group have in common. */
  private record Weights(Convolution s, Strided w, int direction) {
    double[] of(int output, int channel) {
      int each = s.y().kernel() * s.x().kernel();
      int inGroup = channel % (s.channels() / s.groups());
      long at = Host.start(w, direction) + (long) output * s.depth() + (long) inGroup * each;
      return Float64Buffer.of(w.buffer()).read(at, each);
    }
  }

  private static double[] plane(Strided runs, int i, long image, long size, int plane, int pixels) {
    long at = Host.start(runs, i) + image * size + (long) plane * pixels;
    return Float64Buffer.of(runs.buffer()).read(at, pixels);
  }

  @Override
  public void convolve(
      Convolution s, int k, Strided x, Strided w, Strided bias, Buffer y, boolean add) {
    Float64Buffer out = Float64Buffer.of(y);
    int step = s.x().stride();
    int channels = s.channels() / s.groups();
    loops.rows(
        (long) k * s.images() * s.outputs(),
        (long) s.outPlane() * s.depth(),
        row -> {
          int output = (int) (row % s.outputs());
          long image = row / s.outputs() % s.images();
          int i = (int) (row / s.outputs() / s.images());
          double[] sum = new double[s.outPlane()];
          if (bias != null) {
            Arrays.fill(sum, Float64Buffer.of(bias.buffer()).get(Host.start(bias, i) + output));
          }
          int first = output / (s.outputs() / s.groups()) * channels;
          for (int c = first; c < first + channels; c++) {
            double[] seen = plane(x, i, image, s.inSize(), c, s.inPlane());
            double[] weights = new Weights(s, w, i).of(output, c);
            meet(
                s,
                (e, pixel, place, count) -> {
                  for (int q = 0; q < count; q++) {
                    sum[place + q] += weights[e] * seen[pixel + q * step];
                  }
                });
          }
          out.write(row * s.outPlane(), sum, add);
        });
  }

  @Override
  public void convolveInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add) {
    Float64Buffer out = Float64Buffer.of(dx);
    int step = s.x().stride();
    int outputs = s.outputs() / s.groups();
    loops.rows(
        (long) k * s.images() * s.channels(),
        (long) s.outPlane() * outputs * s.y().kernel() * s.x().kernel(),
        row -> {
          int channel = (int) (row % s.channels());
          long image = row / s.channels() % s.images();
          int i = (int) (row / s.channels() / s.images());
          double[] sum = new double[s.inPlane()];
          int first = channel / (s.channels() / s.groups()) * outputs;
          for (int o = first; o < first + outputs; o++) {
            double[] adjoint = plane(dy, i, image, s.outSize(), o, s.outPlane());
            double[] weights = new Weights(s, w, i).of(o, channel);
            meet(
                s,
                (e, pixel, place, count) -> {
                  for (int q = 0; q < count; q++) {
                    sum[pixel + q * step] += weights[e] * adjoint[place + q];
                  }
                });
          }
          out.write(row * s.inPlane(), sum, add);
        });
  }

  @Override
  public void convolveWeight(
      Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias) {
    int step = s.x().stride();
    int channels = s.channels() / s.groups();
    loops.rows(
        (long) k * s.outputs(),
        (long) s.images() * s.outPlane() * s.depth(),
        row -> {
          int output = (int) (row % s.outputs());
          int i = (int) (row / s.outputs());
          int first = output / (s.outputs() / s.groups()) * channels;
          double[] sum = new double[s.depth()];
          double[] shift = new double[1];
          for (long image = 0; image < s.images(); image++) {
            double[] adjoint = plane(dy, i, image, s.outSize(), output, s.outPlane());
            shift[0] += Doubles.sum(adjoint);
            for (int c = 0; c < channels; c++) {
              double[] seen = plane(x, i, image, s.inSize(), first + c, s.inPlane());
              int at = c * s.y().kernel() * s.x().kernel();
              meet(
                  s,
                  (e, pixel, place, count) -> {
                    for (int q = 0; q < count; q++) {
                      sum[at + e] += seen[pixel + q * step] * adjoint[place + q];
                    }
                  });
            }
          }
          long at = Host.start(dw, i) + (long) output * s.depth();
          Float64Buffer.of(dw.buffer()).write(at, sum, true);
          if (dbias != null) {
            Float64Buffer.of(dbias.buffer()).write(Host.start(dbias, i) + output, shift, true);
          }
        });
  }

  private interface Meeting {
    void run(int element, int pixel, int place, int count);
  }

  /**
   * Every element of the kernel with the pixels it meets, and the places where: places follow each
   * other, pixels in steps of the stride.
   */
  private static void meet(Convolution s, Meeting body) {
    Sliding y = s.y();
    Sliding x = s.x();
    for (int i = 0; i < y.kernel(); i++) {
      for (int j = 0; j < x.kernel(); j++) {
        int left = x.first(j);
        int right = x.last(j);
        for (int p = y.first(i); p < y.last(i); p++) {
          int line = (p * y.stride() + y.shift(i)) * x.size() + x.shift(j);
          int first = line + left * x.stride();
          body.run(i * x.kernel() + j, first, p * x.count() + left, right - left);
        }
      }
    }
  }
}
