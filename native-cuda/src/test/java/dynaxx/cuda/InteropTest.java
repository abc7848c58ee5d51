package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.cuda.internal.Driver;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.operator.Hessian;
import dynaxx.testing.KnownCase;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Memory, context and stream that another library owns. */
@EmulatorTest
class InteropTest {

  private static final int N = 1000;

  @Test
  void usesAnotherLibrarysMemoryInItsStream() {
    Driver other = new Driver();
    int device = other.device(0);
    long context = other.retainPrimaryContext(device);
    other.setCurrentContext(context);
    long stream = other.createStream();
    long address = other.allocate(N * Float.BYTES).orElseThrow();
    try (Scope scope = Scope.open()) {
      HostBuffer host = scope.allocate(N);
      for (int i = 0; i < N; i++) {
        host.set(i, i);
      }
      // nobody waits here: the backend's work comes later in the same stream
      other.copyToDevice(address, host.segment(), N * Float.BYTES, stream);
      try (CudaBackend backend = CudaBackend.open(CudaSettings.DEFAULT.on(context, stream))) {
        DeviceBuffer x = backend.wrap(address, N);
        assertEquals(address, x.address());
        assertEquals(address + 40, x.slice(10, 5).address());
        double squares = (N - 1.0) * N * (2 * N - 1) / 6;
        assertEquals(squares, backend.dot(x, x));
        backend.fill(x, 7);
      }
      HostBuffer after = scope.allocate(N);
      other.copyToHost(after.segment(), address, N * Float.BYTES, stream);
      other.synchronize(stream);
      float[] sevens = new float[N];
      Arrays.fill(sevens, 7);
      assertArrayEquals(sevens, after.toArray());
    }
    other.free(address);
    other.destroyStream(stream);
    other.releasePrimaryContext(device);
    Emulator.Report live = Emulator.live();
    assertEquals(0, live.count(), live.text());
  }

  @Test
  void measuresParametersWhereTheyAre() {
    KnownCase c = KnownCase.mlpTanh();
    try (CudaBackend backend = CudaBackend.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      HostBuffer host = c.host(scope, "parameters");
      DeviceBuffer theirs = (DeviceBuffer) backend.upload(scope, host.segment());
      DeviceBuffer parameters = backend.wrap(theirs.address(), theirs.size());
      Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), backend);
      scope.onClose(hessian::close);
      hessian.linearize(parameters);
      double loss = c.expected().get("loss").asDouble();
      assertEquals(loss, hessian.loss(), 1e-6);
      backend.fill(theirs, 0);
      assertEquals(Math.log(10), hessian.linearize(parameters).loss(), 1e-6);
    }
  }

  @Test
  void refusesWhatIsNotDeviceMemory() {
    try (CudaBackend backend = CudaBackend.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      long host = scope.allocate(4).segment().address();
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> backend.wrap(host, 4));
      assertTrue(e.getMessage().contains("expected device memory"), e.getMessage());
      assertThrows(IllegalArgumentException.class, () -> backend.wrap(2, 4));
    }
  }
}
