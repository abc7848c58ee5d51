package dynaxx.device.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.kernel.AttentionKernels.Heads;
import dynaxx.kernel.AttentionKernels.Primal;
import dynaxx.kernel.GemmKernels;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Products of each pass, which cost models rely on. */
class AttentionProductsTest {

  private static final Heads H = new Heads(3, 20, 8, 4, 2, false);
  private static final int K = 3;

  private final AtomicLong multiplications = new AtomicLong();

  private GemmKernels counting(WorkerPool pool) {
    GemmKernels target = new Gemm(pool, new VectorRowLoops());
    return (GemmKernels)
        Proxy.newProxyInstance(
            GemmKernels.class.getClassLoader(),
            new Class<?>[] {GemmKernels.class},
            (self, method, a) -> {
              long members = a.length == 10 ? ((GemmKernels.Members) a[9]).size() : 1;
              multiplications.addAndGet((long) (int) a[0] * (int) a[1] * (int) a[2] * members);
              return method.invoke(target, a);
            });
  }

  /** Since the last time, in units of the product of all queries and keys. */
  private double products() {
    return multiplications.getAndSet(0) / ((double) H.rows() * H.tokens() * H.depth());
  }

  @Test
  void passesTakeSoManyProducts() {
    try (Scope scope = Scope.open();
        WorkerPool pool = new WorkerPool(2);
        Attention<float[]> attention =
            new Attention<>(pool, new VectorRowLoops(), this::counting)) {
      HostBuffer x = scope.allocate(H.in());
      HostBuffer y = scope.allocate(H.out());
      HostBuffer saved = scope.allocate(2 * H.rows());
      HostBuffer adjoint = scope.allocate(H.rows());
      HostBuffer tangent = scope.allocate(K * H.rows());
      HostBuffer rx = scope.allocate(K * H.in());
      HostBuffer ry = scope.allocate(K * H.out());
      HostBuffer dx = scope.allocate(K * H.in());
      attention.forward(H, x, y, saved);
      assertEquals(2, products());
      attention.backward(H, x, y, saved, y, adjoint, dx, false);
      assertEquals(5, products());
      attention.tangent(H, K, x, y, saved, rx, ry, tangent);
      assertEquals(1 + 4 * K, products());
      Primal primal = new Primal(x, saved, y, adjoint);
      attention.tangentBackward(H, K, primal, rx, tangent, ry, dx, false);
      assertEquals(2 + 10 * K, products());
      attention.curvature(H, K, primal, rx, tangent, new HostScalars(K));
      assertEquals(2 + 4 * K, products());
      attention.entropy(H, x, saved, new HostScalars(H.heads()));
      assertEquals(1, products());
    }
  }
}
