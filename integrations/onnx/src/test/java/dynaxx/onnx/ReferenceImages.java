package dynaxx.onnx;

import dynaxx.onnx.TestModel.Array;
import java.util.List;
import java.util.Map;

/** Convolutions and pooling of {@link Reference}: images, and signals as images of one row. */
final class ReferenceImages {

  private ReferenceImages() {}

  private record Geometry(int[] kernel, int[] stride, int[] dilation, int[] before, int[] out) {}

  private static int[] two(Map<String, Object> a, String name, int otherwise, int rank) {
    long[] given = (long[]) a.get(name);
    int last = given == null ? otherwise : (int) given[given.length - 1];
    int first = given == null || rank == 1 ? otherwise : (int) given[0];
    return new int[] {first, last};
  }

  private static Geometry geometry(
      Map<String, Object> a, int[] image, int[] kernel, int rank, boolean ceil) {
    int[] stride = two(a, "strides", 1, rank);
    int[] dilation = two(a, "dilations", 1, rank);
    long[] pads = (long[]) a.getOrDefault("pads", new long[2 * rank]);
    int[] before = {rank == 1 ? 0 : (int) pads[0], (int) pads[rank - 1]};
    int[] after = {rank == 1 ? 0 : (int) pads[rank], (int) pads[2 * rank - 1]};
    int[] out = new int[2];
    for (int i = 0; i < 2; i++) {
      int reach = dilation[i] * (kernel[i] - 1) + 1;
      if ("SAME_UPPER".equals(a.get("auto_pad"))) {
        out[i] = (image[i] + stride[i] - 1) / stride[i];
        before[i] = Math.max(0, (out[i] - 1) * stride[i] + reach - image[i]) / 2;
      } else {
        double places = (image[i] + before[i] + after[i] - reach) / (double) stride[i] + 1;
        out[i] = (int) (ceil ? Math.ceil(places) : Math.floor(places));
        if (ceil && (out[i] - 1) * stride[i] >= image[i] + before[i]) {
          out[i]--;
        }
      }
    }
    return new Geometry(kernel, stride, dilation, before, out);
  }

  private static int[] image(Array x) {
    int rank = x.dims().length;
    return new int[] {rank == 4 ? (int) x.dims()[2] : 1, (int) x.dims()[rank - 1]};
  }

  private static long[] result(Array x, long channels, int[] out) {
    return x.dims().length == 4
        ? new long[] {x.dims()[0], channels, out[0], out[1]}
        : new long[] {x.dims()[0], channels, out[1]};
  }

  static Array conv(List<Array> in, Map<String, Object> a) {
    Array x = in.get(0);
    Array w = in.get(1);
    int[] image = image(x);
    int[] kernel = image(w);
    Geometry g = geometry(a, image, kernel, x.dims().length - 2, false);
    int groups = ((Number) a.getOrDefault("group", 1)).intValue();
    int outputs = (int) w.dims()[0];
    int each = (int) w.dims()[1];
    int channels = (int) x.dims()[1];
    long[] dims = result(x, outputs, g.out);
    double[] y = new double[(int) Dims.size(dims)];
    int i = 0;
    for (int n = 0; n < x.dims()[0]; n++) {
      for (int o = 0; o < outputs; o++) {
        for (int row = 0; row < g.out[0]; row++) {
          for (int col = 0; col < g.out[1]; col++, i++) {
            y[i] = in.size() > 2 ? in.get(2).values()[o] : 0;
            for (int c = 0; c < each; c++) {
              int channel = o / (outputs / groups) * each + c;
              for (int ky = 0; ky < kernel[0]; ky++) {
                for (int kx = 0; kx < kernel[1]; kx++) {
                  int py = row * g.stride[0] + ky * g.dilation[0] - g.before[0];
                  int px = col * g.stride[1] + kx * g.dilation[1] - g.before[1];
                  if (py >= 0 && py < image[0] && px >= 0 && px < image[1]) {
                    double weight = w.values()[((o * each + c) * kernel[0] + ky) * kernel[1] + kx];
                    int at = ((n * channels + channel) * image[0] + py) * image[1] + px;
                    y[i] += weight * x.values()[at];
                  }
                }
              }
            }
          }
        }
      }
    }
    return Reference.floats(dims, y);
  }

  static Array pool(String op, Array x, Map<String, Object> a) {
    int[] image = image(x);
    int rank = x.dims().length - 2;
    int[] kernel = two(a, "kernel_shape", 1, rank);
    boolean ceil = ((Number) a.getOrDefault("ceil_mode", 0)).intValue() == 1;
    boolean counts = ((Number) a.getOrDefault("count_include_pad", 0)).intValue() == 1;
    Geometry g = geometry(a, image, kernel, rank, ceil);
    long[] pads = (long[]) a.getOrDefault("pads", new long[2 * rank]);
    int[] after = {rank == 1 ? 0 : (int) pads[rank], (int) pads[2 * rank - 1]};
    long[] dims = result(x, x.dims()[1], g.out);
    double[] y = new double[(int) Dims.size(dims)];
    int i = 0;
    for (int plane = 0; plane < x.dims()[0] * x.dims()[1]; plane++) {
      for (int row = 0; row < g.out[0]; row++) {
        for (int col = 0; col < g.out[1]; col++, i++) {
          double sum = 0;
          double largest = -1e300;
          int inside = 0;
          int padded = 0;
          for (int ky = 0; ky < kernel[0]; ky++) {
            for (int kx = 0; kx < kernel[1]; kx++) {
              int py = row * g.stride[0] + ky - g.before[0];
              int px = col * g.stride[1] + kx - g.before[1];
              padded += py < image[0] + after[0] && px < image[1] + after[1] ? 1 : 0;
              if (py >= 0 && py < image[0] && px >= 0 && px < image[1]) {
                double v = x.values()[(plane * image[0] + py) * image[1] + px];
                sum += v;
                largest = Math.max(largest, v);
                inside++;
              }
            }
          }
          y[i] = op.equals("MaxPool") ? largest : sum / (counts ? padded : inside);
        }
      }
    }
    return Reference.floats(dims, y);
  }
}
