package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Shapes that take more than one piece, chunk or merge where the contract suite's take one, in both
 * precisions beside the CPU's float64.
 */
@EmulatorTest
class LargeShapesTest {

  private Device cuda;
  private Device cpu;

  @BeforeEach
  void open() {
    cuda = CudaDevice.open(CudaSettings.DEFAULT);
    cpu = Devices.open("cpu", 2);
  }

  @AfterEach
  void close() {
    cuda.close();
    cpu.close();
  }

  /** Memory of one run on one device. */
  private record Trial(Device device, Scope scope) {
    Buffer normal(long seed, int n) {
      Random random = new Random(seed);
      return values(n, i -> (float) random.nextGaussian());
    }

    Buffer values(int n, java.util.function.IntToDoubleFunction of) {
      HostBuffer host = scope.allocate(n);
      for (int i = 0; i < n; i++) {
        host.set(i, (float) of.applyAsDouble(i));
      }
      return device.upload(scope, host.segment());
    }

    Buffer nan(int n) {
      Buffer buffer = device.allocate(scope, n);
      device.algebra().fill(buffer, Double.NaN);
      return buffer;
    }

    double[] get(Buffer buffer) {
      return Numbers.doubles(device, scope, buffer);
    }
  }

  private interface Use {
    double[] run(Trial d);
  }

  private static double[] on(Device device, Use use) {
    try (Scope scope = Scope.open()) {
      return use.run(new Trial(device, scope));
    }
  }

  private void assertAgrees(Use use) {
    double[] expected = on(cpu.float64().orElseThrow(), use);
    double wide = Numbers.relativeDifference(expected, on(cuda.float64().orElseThrow(), use));
    assertTrue(wide <= 1e-12, () -> "float64: relative difference " + wide);
    double narrow = Numbers.relativeDifference(expected, on(cuda, use));
    assertTrue(narrow <= 1e-6, () -> "float32: relative difference " + narrow);
  }

  private static double[] join(double[]... parts) {
    return java.util.stream.Stream.of(parts).flatMapToDouble(java.util.Arrays::stream).toArray();
  }

  // ---- products

  /** More members than a call of cuBLAS takes, in one run and at addresses of their own. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void productsOfManyMembers(int outer) {
    int inner = 66_001;
    Members members = new Members(outer, inner, 1);
    assertAgrees(
        d -> {
          Buffer a = d.normal(1, 2 * outer * inner);
          Buffer b = d.normal(2, 2 * outer * inner);
          Buffer c = d.normal(3, outer * inner);
          // the first index moves least, so that two indices cannot become one
          Matrix left = Matrix.of(a, 2).batch(2, 2 * outer, 0);
          Matrix right = Matrix.of(b, 1).batch(2, 2 * outer, 0);
          Matrix product = Matrix.of(c, 1).batch(1, outer, 0);
          d.device.kernels().gemm().multiply(1, 1, 2, 1.5, left, right, -1, product, null, members);
          return d.get(c);
        });
  }

  // ---- rows and strides

  /** Rows of one id reach over many blocks; some ids are rare, some are missing. */
  @Test
  void scatterOfManyRows() {
    int rows = 2900;
    int cols = 131;
    int size = 900 * cols;
    assertAgrees(
        d -> {
          Random random = new Random(1);
          Buffer ids =
              d.values(rows, i -> random.nextInt(3) == 0 ? 7 : 3 * random.nextInt(300) + 1);
          Buffer table = d.normal(2, 2 * size);
          Buffer dy = d.normal(3, 2 * rows * cols);
          d.device
              .kernels()
              .gathers()
              .scatterAdd(2, rows, cols, ids, dy, new Strided(table, 0, size));
          return d.get(table);
        });
  }

  @Test
  void scatterOfOneId() {
    int rows = 1025;
    assertAgrees(
        d -> {
          Buffer table = d.normal(2, 20);
          Buffer ids = d.values(rows, i -> 3);
          d.device
              .kernels()
              .gathers()
              .scatterAdd(1, rows, 4, ids, d.normal(3, rows * 4), Strided.of(table));
          return d.get(table);
        });
  }

  @Test
  void meanOfManyRows() {
    int rows = 2500;
    assertAgrees(
        d -> {
          Buffer y = d.nan(2 * 33);
          d.device.kernels().rows().meanRows(2, rows, 33, d.normal(1, 2 * rows * 33), y);
          return d.get(y);
        });
  }

  /** No two of these axes can be taken together. */
  private static Walk manyAxes(int summed) {
    List<Axis> axes = new ArrayList<>();
    long from = 1;
    long to = 1;
    for (int a = 0; a < 9; a++) {
      int extent = a == 4 ? 3 : 2;
      axes.add(new Axis(extent, from, a % 3 < summed ? 0 : to));
      from *= extent + 1;
      to *= extent + 1;
    }
    Collections.shuffle(axes, new Random(5));
    return new Walk(axes, 1, 2);
  }

  @Test
  void walksOfManyAxes() {
    for (int summed = 0; summed < 3; summed++) {
      Walk walk = manyAxes(summed);
      for (boolean add : new boolean[] {false, true}) {
        assertAgrees(
            d -> {
              Buffer to = d.normal(2, 30000);
              d.device.kernels().strides().rearrange(walk, 0.3, d.normal(1, 30000), to, add);
              return d.get(to);
            });
      }
    }
  }

  /** Many terms of several axes in many chunks, beside and across. */
  @Test
  void longSums() {
    Walk across = new Walk(List.of(new Axis(5000, 7, 0), new Axis(7, 1, 1)), 0, 0);
    Walk along =
        new Walk(List.of(new Axis(4, 9100, 1), new Axis(70, 130, 0), new Axis(65, 1, 0)), 0, 0);
    for (Walk walk : List.of(across, along)) {
      assertAgrees(
          d -> {
            Buffer to = d.nan(7);
            d.device.algebra().fill(to, 0);
            d.device.kernels().strides().rearrange(walk, 1, d.normal(1, 36400), to, false);
            return d.get(to);
          });
    }
  }

  /** Outputs beyond 2^32: only the last block runs, and only its outputs have memory. */
  @Test
  void sumsOfMoreOutputsThanAWordCounts() {
    long outputs = (1L << 32) + Launcher.THREADS;
    Session session = CudaDeviceProvider.session(CudaSettings.DEFAULT);
    try (session;
        Scope scope = Scope.open()) {
      Launcher kernels = new Launcher(session, "f32", Float.BYTES);
      long from = session.pool().take(2 * Float.BYTES, "test").address();
      long last = session.pool().take(Launcher.THREADS * Float.BYTES, "test").address();
      session.driver().memory().set(from, (byte) 0, 2 * Float.BYTES, session.stream());
      Emulator.firstBlock(outputs / Launcher.THREADS - 1);
      kernels
          .kernel("strides_sum")
          .i64(from)
          .i64(last - (1L << 32) * Float.BYTES)
          .i64(outputs)
          .i64(2)
          .i32(1)
          .flag(true)
          .i32(1)
          .i64(0)
          .f64(1)
          .flag(false);
      // two axes, of six: the first stays where it is in the source, the second is summed
      long[][] axes = {{outputs, 2}, {0, 1}, {1, 0}};
      for (long[] field : axes) {
        for (int a = 0; a < 6; a++) {
          kernels.i64(a < 2 ? field[a] : 0);
        }
      }
      kernels.i32(1).i32(1).launch(outputs / Launcher.THREADS, 1, Launcher.THREADS);
      HostBuffer found = scope.allocate(Launcher.THREADS);
      found.segment().fill((byte) 1);
      session.download(last, found.segment());
      for (int i = 0; i < Launcher.THREADS; i++) {
        assertTrue(found.get(i) == 0, "output " + i + ": " + found.get(i));
      }
    }
  }

  // ---- convolutions

  private static final Sliding WIDE = new Sliding(128, 9, 1, 4, 4, 1);

  /** Two images fill the work space, so that three take two rounds. */
  private static final Convolution ROUNDS = new Convolution(3, 3, 2, 1, WIDE, WIDE);

  /** One channel a group, and more places than one piece of a gradient. */
  private static final Convolution SINGLE =
      new Convolution(2, 2, 4, 2, new Sliding(99, 3, 1, 1, 1, 1), new Sliding(101, 3, 1, 1, 1, 1));

  private void assertConvolutionAgrees(Convolution s, int k, boolean shared) {
    int in = (int) (s.images() * s.inSize());
    int out = (int) (s.images() * s.outSize());
    int weights = s.outputs() * s.depth();
    assertAgrees(
        d -> {
          Strided x = new Strided(d.normal(1, k * in), 0, shared ? 0 : in);
          Strided w = new Strided(d.normal(2, k * weights), 0, weights);
          Buffer y = d.nan(k * out);
          Strided bias = new Strided(d.normal(3, k * s.outputs()), 0, s.outputs());
          d.device.kernels().convolutions().convolve(s, k, x, w, bias, y, false);
          Strided dy = new Strided(d.normal(4, k * out), 0, out);
          Buffer dx = d.nan(k * in);
          d.device.kernels().convolutions().convolveInput(s, k, dy, w, dx, false);
          return join(d.get(y), d.get(dx));
        });
    assertAgrees(
        d -> {
          Strided x = new Strided(d.normal(1, k * in), 0, shared ? 0 : in);
          Strided dy = new Strided(d.normal(4, k * out), 0, out);
          Buffer dw = d.normal(5, k * weights);
          Buffer dbias = d.normal(6, k * s.outputs());
          Strided to = new Strided(dw, 0, weights);
          d.device
              .kernels()
              .convolutions()
              .convolveWeight(s, k, x, dy, to, new Strided(dbias, 0, s.outputs()));
          return join(d.get(dw), d.get(dbias));
        });
  }

  @Test
  void convolutionsThatFillTheWorkSpace() {
    assertConvolutionAgrees(ROUNDS, 1, false);
  }

  @Test
  void convolutionsThatShareWhatFillsTheWorkSpace() {
    assertConvolutionAgrees(ROUNDS, 2, true);
  }

  @Test
  void convolutionsOfSingleChannels() {
    assertConvolutionAgrees(SINGLE, 2, false);
    assertConvolutionAgrees(SINGLE, 2, true);
  }

  // ---- normalisation of channels

  @Test
  void largePlanes() {
    assertNormsAgree(new ChannelNormalization(2, 2, 18001, 1, 1e-3, Statistics.GROUP));
    assertNormsAgree(new ChannelNormalization(1, 4, 36864, 2, 1e-3, Statistics.GROUP));
    assertNormsAgree(new ChannelNormalization(3, 2, 18000, 1, 1e-3, Statistics.BATCH));
  }

  private void assertNormsAgree(ChannelNormalization s) {
    int n = s.planes() * s.size();
    int c = s.channels();
    int k = 2;
    assertAgrees(
        d -> {
          Buffer x = d.normal(1, n);
          Buffer gamma = d.normal(2, c);
          Buffer y = d.nan(n);
          Buffer stats = d.nan(2 * s.units());
          d.device.kernels().channelNorms().forward(s, null, x, gamma, d.normal(3, c), y, stats);
          Buffer dy = d.normal(4, n);
          Buffer dx = d.nan(n);
          Buffer gradients = d.normal(5, 2 * c);
          Buffer dbeta = gradients.slice(c, c);
          d.device
              .kernels()
              .channelNorms()
              .backward(s, x, stats, gamma, dy, dx, false, gradients, dbeta);
          return join(d.get(y), d.get(stats), d.get(dx), d.get(gradients));
        });
    assertAgrees(
        d -> {
          Buffer x = d.normal(1, n);
          Buffer gamma = d.normal(2, c);
          Buffer stats = d.nan(2 * s.units());
          d.device.kernels().channelNorms().forward(s, null, x, gamma, null, d.nan(n), stats);
          Buffer dy = d.normal(4, n);
          Buffer rx = d.normal(6, k * n);
          Strided rgamma = new Strided(d.normal(7, k * c), 0, c);
          Buffer ry = d.nan(k * n);
          d.device.kernels().channelNorms().tangent(s, k, x, stats, gamma, rx, rgamma, null, ry);
          Buffer rdx = d.nan(k * n);
          Buffer gradients = d.normal(8, 2 * k * c);
          d.device
              .kernels()
              .channelNorms()
              .tangentBackward(
                  s,
                  k,
                  x,
                  stats,
                  gamma,
                  dy,
                  rx,
                  rgamma,
                  d.normal(9, k * n),
                  rdx,
                  false,
                  new Strided(gradients, 0, 2L * c),
                  new Strided(gradients, c, 2L * c));
          return join(d.get(ry), d.get(rdx), d.get(gradients));
        });
    assertAgrees(
        d -> {
          Buffer x = d.normal(1, n);
          Buffer gamma = d.normal(2, c);
          Buffer stats = d.nan(2 * s.units());
          d.device.kernels().channelNorms().forward(s, null, x, gamma, null, d.nan(n), stats);
          Scalars sums = d.device.scalars(d.scope, k);
          Strided rgamma = new Strided(d.normal(7, k * c), 0, c);
          Buffer rx = d.normal(6, k * n);
          d.device
              .kernels()
              .channelNorms()
              .curvature(s, k, x, stats, gamma, d.normal(4, n), rx, rgamma, sums);
          return sums.read();
        });
  }
}
