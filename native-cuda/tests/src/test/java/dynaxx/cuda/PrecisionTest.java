package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.network.pass.TangentSweep;
import dynaxx.network.pass.Tape;
import dynaxx.operator.Hessian;
import dynaxx.operator.NetworkOperator;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the precisions of matrix products are worth. */
@EmulatorTest
class PrecisionTest {

  private static final int M = 24;
  private static final int N = 20;
  private static final int DEPTH = 300;

  /** Largest error of a product of two matrices, in units of the largest element. */
  private static double error(Precision precision, Members batch) {
    CudaSettings settings = CudaSettings.DEFAULT.withPrecision(precision);
    int members = (int) batch.size();
    double[] a = Numbers.uniform(members * M * DEPTH, 1);
    double[] b = Numbers.uniform(members * DEPTH * N, 2);
    try (CudaDevice device = CudaDevice.open(settings);
        Scope scope = Scope.open()) {
      Buffer left = Numbers.vectors(device, scope, 1, a).buffer();
      Buffer right = Numbers.vectors(device, scope, 1, b).buffer();
      Buffer product = device.allocate(scope, (long) members * M * N);
      device
          .kernels()
          .gemm()
          .multiply(
              M,
              N,
              DEPTH,
              1,
              family(left, DEPTH, M * DEPTH, batch),
              family(right, N, DEPTH * N, batch),
              0,
              family(product, N, M * N, batch),
              null,
              batch);
      float[] found = Numbers.floats(device, product);
      double worst = 0;
      double largest = 0;
      for (int i = 0; i < found.length; i++) {
        int member = i / (M * N);
        double exact = 0;
        for (int d = 0; d < DEPTH; d++) {
          exact +=
              (double) (float) a[member * M * DEPTH + i % (M * N) / N * DEPTH + d]
                  * (float) b[member * DEPTH * N + d * N + i % N];
        }
        worst = Math.max(worst, Math.abs(found[i] - exact));
        largest = Math.max(largest, Math.abs(exact));
      }
      return worst / largest;
    }
  }

  /** The first index moves least, so that two indices cannot become one. */
  private static Matrix family(Buffer x, long ld, long size, Members batch) {
    return Matrix.of(x, ld).batch(size, batch.n0() * size, 0);
  }

  @Test
  void threeProductsOfHalvesAreAsGoodAsFloat32() {
    for (Members batch : new Members[] {Members.ONE, Members.of(3), new Members(2, 3, 1)}) {
      double fp32 = error(Precision.FP32, batch);
      double split = error(Precision.TF32X3, batch);
      double tf32 = error(Precision.TF32, batch);
      assertTrue(fp32 < 3e-7, "fp32 " + fp32);
      assertTrue(split < 2e-6, "tf32x3 " + split);
      assertTrue(tf32 > 1e-5 && tf32 < 2e-3, "tf32 " + tf32);
    }
  }

  /** A product of split factors under a budget that does not hold them, and its work space. */
  private static float[] inParts(long budget, boolean transposed, Members batch, int m, int n) {
    Session session = CudaDeviceProvider.session(CudaSettings.DEFAULT);
    try (session;
        Scope scope = Scope.open()) {
      Launcher kernels = new Launcher(session, "f32", Float.BYTES);
      Gemm gemm = new Gemm(kernels, Precision.TF32X3.type(), true, budget);
      int members = (int) batch.size();
      DeviceBuffer a = onDevice(session, scope, Numbers.uniform(members * m * DEPTH, 1));
      DeviceBuffer b = onDevice(session, scope, Numbers.uniform(members * DEPTH * n, 2));
      DeviceBuffer c = onDevice(session, scope, Numbers.uniform(members * m * n, 3));
      Matrix left = family(a, transposed ? m : DEPTH, m * DEPTH, batch);
      Matrix right = family(b, transposed ? DEPTH : n, DEPTH * n, batch);
      long before = session.pool().liveBytes();
      gemm.multiply(
          m,
          n,
          DEPTH,
          0.5,
          transposed ? left.t() : left,
          transposed ? right.t() : right,
          2,
          family(c, n, m * n, batch),
          null,
          batch);
      assertTrue(session.pool().liveBytes() - before <= Math.max(1 << 20, budget));
      HostBuffer found = scope.allocate(c.size());
      session.download(c.address(), found.segment());
      return found.toArray();
    }
  }

  private static DeviceBuffer onDevice(Session session, Scope scope, double[] values) {
    HostBuffer host = scope.allocate(values.length);
    for (int i = 0; i < values.length; i++) {
      host.set(i, (float) values[i]);
    }
    MemoryPool.Block block = session.pool().take(host.segment().byteSize(), "test");
    session.upload(block.address(), host.segment());
    return new DeviceBuffer(session, block::address, 0, values.length, Float.BYTES);
  }

  @Test
  void factorsThatAreTooLargeAreMultipliedInParts() {
    for (Members batch : new Members[] {Members.ONE, Members.of(3), new Members(2, 3, 1)}) {
      for (boolean transposed : new boolean[] {false, true}) {
        float[] whole = inParts(1 << 30, transposed, batch, 33, N);
        float[] parts = inParts(20_000, transposed, batch, 33, N);
        for (int i = 0; i < whole.length; i++) {
          assertEquals(whole[i], parts[i], 2e-5, batch + " " + transposed + " " + i);
        }
      }
    }
    // one factor alone is larger than the budget, and than the least work space
    float[] whole = inParts(1 << 30, false, Members.ONE, 1500, 3);
    assertArrayEquals(whole, inParts(1 << 18, false, Members.ONE, 1500, 3));
  }

  /** Products at two points, and the factors that were split for the last one. */
  private record Products(List<float[]> results, long splits) {

    static Products of(KnownCase c, long memory) {
      List<float[]> results = new ArrayList<>();
      long splits = 0;
      try (Scope scope = Scope.open();
          CudaDevice device =
              CudaDevice.open(CudaSettings.DEFAULT.withPrecision(Precision.TF32X3))) {
        HostBuffer w = c.host(scope, "parameters");
        Batch batch = c.batch(scope).slice(0, 8);
        NetworkOperator.Limits limits = new NetworkOperator.Limits(memory, 0, 2);
        try (Hessian hessian = new Hessian(c.network(), c.loss(), batch, device, limits)) {
          Vectors v = device.vectors(scope, 2, w.size());
          Vectors hv = device.vectors(scope, 2, w.size());
          device.algebra().rademacher(3, 0, v);
          for (int point = 0; point < 3; point++) {
            w.set(7, w.get(7) + 0.25f);
            hessian.linearize(w);
            for (int i = 0; i < 3; i++) {
              device.algebra().dot(hv.buffer(), hv.buffer()); // waits
              Emulator.count(2);
              Emulator.counted();
              hessian.apply(v, hv);
              results.add(Numbers.floats(device, hv.buffer()));
              splits = splitsCounted();
            }
            hessian.quadraticForm(v);
          }
          // somebody else's product of the same parameters, after they have changed in place
          hessian.linearize(device.upload(scope, w.segment()));
          hessian.apply(v, hv);
          device.algebra().fill(hessian.parameters(), 0);
          int n = Math.toIntExact(w.size());
          Buffer one = device.allocate(scope, 1);
          Buffer product = device.allocate(scope, n);
          device.algebra().fill(one, 1);
          Matrix zero = Matrix.of(hessian.parameters(), n);
          device
              .kernels()
              .gemm()
              .multiply(1, n, 1, 1, Matrix.of(one, 1), zero, 0, Matrix.of(product, n));
          assertArrayEquals(new float[n], Numbers.floats(device, product));
        }
      }
      return new Products(results, splits);
    }

    private static long splitsCounted() {
      return Emulator.counted().stream().filter(l -> l.startsWith("kernel|gemm_split|")).count();
    }
  }

  /**
   * Where there is room, a factor that stays is split once at each point; the bits are the same.
   */
  @Test
  void factorsThatStayAreSplitOnce() {
    KnownCase c = KnownCase.vitSmall();
    Network network = c.network();
    long tape = 8 * Tape.bytesPerExample(network, c.loss());
    long sweeps =
        16
            * (TangentSweep.bytesPerExample(network, TangentSweep.Kind.PRODUCT)
                + TangentSweep.bytesPerExample(network, TangentSweep.Kind.QUADRATIC));
    Products kept = Products.of(c, 0);
    Products none = Products.of(c, tape + sweeps);
    Products some = Products.of(c, (tape + sweeps) * 5 / 4);
    for (int i = 0; i < kept.results().size(); i++) {
      assertArrayEquals(none.results().get(i), kept.results().get(i), "product " + i);
      assertArrayEquals(none.results().get(i), some.results().get(i), "product " + i);
    }
    String counts = none.splits() + ", " + some.splits() + ", " + kept.splits();
    assertTrue(kept.splits() <= 0.6 * none.splits(), counts);
    assertTrue(kept.splits() < some.splits() && some.splits() < none.splits(), counts);
  }

  @Test
  void noiseFloorsFollowThePrecision() {
    try (CudaDevice device =
        CudaDevice.open(CudaSettings.DEFAULT.withPrecision(Precision.TF32X3))) {
      assertEquals(0x1p-20, device.unitRoundoff());
    }
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT.withPrecision(Precision.TF32))) {
      assertEquals(0x1p-10, device.unitRoundoff());
      assertEquals(0x1p-53, device.float64().orElseThrow().unitRoundoff());
      assertTrue(device.description().endsWith("tf32"), device.description());
    }
  }

  @Test
  void refusesAnUnknownPrecision() {
    System.setProperty(Precision.PROPERTY, "fp16");
    try {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> new CudaDeviceProvider().open(1));
      assertEquals(
          "-Ddynaxx.cuda.precision: found 'fp16', expected fp32, tf32x3 or tf32", e.getMessage());
    } finally {
      System.clearProperty(Precision.PROPERTY);
    }
  }
}
