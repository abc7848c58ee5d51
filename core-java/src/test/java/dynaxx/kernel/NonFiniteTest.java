package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.kernel.Configurations.Configuration;
import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** NaN and infinity in the data come out again, never a crash and never a plausible number. */
@Tag("kernel")
class NonFiniteTest {

  static List<Configuration> configurations() {
    return Configurations.all();
  }

  private static final int N = 37;

  private static float[] poisoned(float value) {
    float[] x = Data.normal(1, N);
    x[N - 2] = value;
    return x;
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void activationsKeepNaNAndStayFiniteFarOut(Configuration configuration) {
    float[] far = {-100, 100, -1e4f, 1e4f, Float.NaN, -3e38f, 3e38f};
    try (Device opened = configuration.open().get();
        KernelTrial d = new KernelTrial(configuration.of(opened))) {
      for (Activation activation : Activation.values()) {
        Pointwise f = Pointwise.of(activation);
        Buffer y = d.out(far.length);
        Buffer dx = d.out(far.length);
        d.kernels().activations().forward(f, far.length, d.in(far), y);
        d.kernels()
            .activations()
            .backward(f, far.length, d.in(far), d.in(1, 1, 1, 1, 1, 1, 1), dx, false);
        for (int i = 0; i < far.length; i++) {
          boolean nan = Float.isNaN(far[i]);
          String where = f + " at " + far[i];
          assertEquals(nan, Double.isNaN(d.get(y)[i]), where);
          assertEquals(nan, Double.isNaN(d.get(dx)[i]), where + ", derivative");
          boolean finite = Double.isFinite(d.get(y)[i]) && Double.isFinite(d.get(dx)[i]);
          assertTrue(nan || finite, where);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void elementaryFunctionsKeepNaN(Configuration configuration) {
    try (Device opened = configuration.open().get();
        KernelTrial d = new KernelTrial(configuration.of(opened))) {
      for (Elementary f : ActivationCases.functions()) {
        Buffer y = d.out(1);
        Buffer dx = d.out(1);
        d.kernels().activations().forward(f, 1, d.in(Float.NaN), y);
        d.kernels().activations().backward(f, 1, d.in(Float.NaN), d.in(1), dx, false);
        assertTrue(Double.isNaN(d.get(y)[0]), f + "");
        boolean constant = f.equals(Elementary.power(1));
        assertTrue(constant || Double.isNaN(d.get(dx)[0]), f + ", derivative");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void theErrorFunctionReachesItsLimits(Configuration configuration) {
    float inf = Float.POSITIVE_INFINITY;
    try (Device opened = configuration.open().get();
        KernelTrial d = new KernelTrial(configuration.of(opened))) {
      Buffer y = d.out(4);
      d.kernels().activations().forward(Elementary.ERF, 4, d.in(-inf, -30, 1e10f, inf), y);
      assertEquals(List.of(-1.0, -1.0), List.of(d.get(y)[0], d.get(y)[1]));
      assertEquals(List.of(1.0, 1.0), List.of(d.get(y)[2], d.get(y)[3]));
    }
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void boundedActivationsReachTheirLimits(Configuration configuration) {
    float inf = Float.POSITIVE_INFINITY;
    try (Device opened = configuration.open().get();
        KernelTrial d = new KernelTrial(configuration.of(opened))) {
      Buffer y = d.out(2);
      d.kernels().activations().forward(Pointwise.of(Activation.SIGMOID), 2, d.in(-inf, inf), y);
      assertEquals(List.of(0.0, 1.0), List.of(d.get(y)[0], d.get(y)[1]));
      d.kernels().activations().forward(Pointwise.of(Activation.TANH), 2, d.in(-inf, inf), y);
      assertEquals(List.of(-1.0, 1.0), List.of(d.get(y)[0], d.get(y)[1]));
      d.kernels().activations().forward(Pointwise.of(Activation.SOFTPLUS), 2, d.in(-inf, inf), y);
      assertEquals(List.of(0.0, Double.POSITIVE_INFINITY), List.of(d.get(y)[0], d.get(y)[1]));
    }
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void reductionsAndRowsSpreadNaN(Configuration configuration) {
    try (Device opened = configuration.open().get();
        KernelTrial d = new KernelTrial(configuration.of(opened))) {
      Buffer x = d.in(poisoned(Float.NaN));
      Buffer one = d.in(Data.normal(2, N));
      assertTrue(Double.isNaN(d.algebra().dot(x, one)));
      assertTrue(Double.isNaN(d.algebra().squaredDistance(x, one)));
      Buffer p = d.out(N);
      d.kernels().softmax().forward(1, N, x, p);
      assertAllNaN(d.get(p));
      Buffer stats = d.out(2);
      d.kernels().norms().forward(new Normalization(1, N, 1e-5f, true), x, one, null, p, stats);
      assertAllNaN(d.get(p));
      Scalars loss = d.scalars(0);
      d.kernels().losses().crossEntropy(1, N, 1, x, d.in(3), 1, p, loss);
      assertTrue(Double.isNaN(loss.read()[0]));
      Buffer product = d.out(1);
      d.kernels()
          .gemm()
          .multiply(1, 1, N, 1, Matrix.of(x, N), Matrix.of(one, 1), 0, Matrix.of(product, 1));
      assertAllNaN(d.get(product));
    }
  }

  private static void assertAllNaN(double[] values) {
    for (double v : values) {
      assertTrue(Double.isNaN(v));
    }
  }
}
