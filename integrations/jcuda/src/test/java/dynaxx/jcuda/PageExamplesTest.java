package dynaxx.jcuda;

import dynaxx.cuda.CudaDevice;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.PageExamples;
import java.io.IOException;
import java.nio.file.Path;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import org.junit.jupiter.api.Test;

/** The examples of docs/jcuda.md are compiled here; JCudaBridgeTest runs what they do. */
class PageExamplesTest {

  private static final Path SOURCE = Path.of("src/test/java/dynaxx/jcuda/PageExamplesTest.java");

  @SuppressWarnings("unused")
  static void measure(
      CUcontext context,
      CUstream stream,
      CUdeviceptr parameters,
      Network network,
      Loss loss,
      Batch batch) {
    try (CudaDevice device = JCudaBridge.open(context, stream);
        Hessian hessian = new Hessian(network, loss, batch, device)) {
      hessian.linearize(JCudaBridge.wrap(device, parameters, hessian.dimension()));
      Lanczos.Result ends = Lanczos.both().run(hessian);
    }
  }

  static void fill(CUstream stream, CUdeviceptr x, long n, int blocks) {
    try (JCudaKernels kernels = JCudaKernels.load()) {
      kernels.kernel("fill").pointer(x).int64(n).float64(5).launch(stream, blocks, 1, 256);
    }
  }

  @Test
  void thePageShowsWhatIsCompiledHere() throws IOException {
    PageExamples.assertCompiled(Path.of("../../docs/jcuda.md"), 2, SOURCE);
  }
}
