package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.TangentSweep;
import dynaxx.network.pass.Tape;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.TraceEstimator;
import java.io.IOException;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** A snapshot of a large network fits the device that it was planned for, by the planner itself. */
@EmulatorTest
class MemoryPlanTest {

  private static final int WIDTH = 1536;
  private static final int DEPTH = 36;
  private static final int TOKENS = 257;
  private static final int EXAMPLES = 4096;
  private static final int STEPS = 15;
  private static final int DIRECTIONS = 8;
  private static final int FEW = 3;

  private static Network network() {
    return new VisionTransformer()
        .image(3, 224, 224)
        .patch(14)
        .embedding(WIDTH)
        .depth(DEPTH)
        .heads(16)
        .hidden(4 * WIDTH)
        .classes(1000)
        .build();
  }

  private static Hessian hessian(
      Network network, int examples, CudaDevice device, Scope scope, long memory) {
    Loss loss = Loss.crossEntropy();
    HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
    Batch batch = Batch.of(network, loss, inputs, scope.allocate(examples));
    Hessian hessian =
        new Hessian(network, loss, batch, device, new Hessian.Limits(memory, 0, DIRECTIONS));
    scope.onClose(hessian::close);
    return hessian;
  }

  @Test
  void aSnapshotOfABillionParametersFitsWithoutShrinking() throws IOException {
    Emulator.memory(CountsTest.MEMORY);
    Emulator.eager();
    Emulator.count(3);
    Network network = network();
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      // as CurvatureProbe shares it out
      long memory = device.defaultMemoryLimit();
      long n = network.parameterCount();
      long recordings = CurvatureProbe.recordingBytes(memory, n);
      int planned;
      try (Scope temporary = scope.child()) {
        planned = hessian(network, EXAMPLES, device, temporary, recordings).microBatch();
      }
      // the memory of the others' images beside what a few micro-batches take: all take the same
      long others = (EXAMPLES - FEW * planned) * network.inputShape().size();
      device.allocate(scope, others);
      Buffer parameters = device.allocate(scope, n);
      Hessian hessian = hessian(network, FEW * planned, device, scope, recordings);
      hessian.observeStatistics();
      hessian.linearize(parameters);
      Lanczos.fixed(STEPS).withMemory(CurvatureProbe.krylovBytes(memory, n)).run(hessian);
      TraceEstimator.hutchinson(DIRECTIONS, 1).run(hessian);
      // as Lanczos certifies: beside its basis and the Ritz vector
      device.vectors(scope, STEPS, n);
      hessian.quadraticForm64(device.allocate(scope, n)).orElseThrow();
      assertEquals(planned, hessian.microBatch(), "micro-batch after the snapshot");
      assertTrue(Emulator.peak() <= CountsTest.MEMORY, "most memory: " + Emulator.peak());
      double tape = Tape.bytesPerExample(network, Loss.crossEntropy(), true) / (double) Float.BYTES;
      CountsTest.check(
          "memory",
          "| parameters | examples | steps | micro-batch | recorded again in every sweep |"
              + " floats of a recording for each token, layer and width | most memory, GB |\n"
              + "|---|---|---|---|---|---|---|\n"
              + String.format(
                  Locale.ROOT,
                  "| %.2f billion | %d | %d | %d | %s | %.1f | %.1f |%n",
                  network.parameterCount() / 1e9,
                  EXAMPLES,
                  STEPS,
                  planned,
                  hessian.recomputes() || planned < EXAMPLES ? "yes" : "no",
                  tape / ((double) TOKENS * DEPTH * WIDTH),
                  Emulator.peak() / 1e9));
    }
  }

  /** Parameters and direction in float64 would be 16 GB, and the gradient 8. */
  @Test
  void aFormInFloat64TakesALayerOfTheParameters() {
    Emulator.memory(CountsTest.MEMORY);
    Emulator.eager();
    Emulator.count(3);
    Network network = network();
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      long n = network.parameterCount();
      Hessian hessian = hessian(network, 1, device, scope, 1L << 32);
      hessian.linearize(device.allocate(scope, n));
      Buffer v = device.allocate(scope, n);
      hessian.quadraticForm(Vectors.of(v, 1, n));
      long before = Emulator.peak();
      hessian.quadraticForm64(v).orElseThrow();
      // one example, in values of eight bytes
      long values =
          Tape.bytesPerExample(network, Loss.crossEntropy(), true)
              + TangentSweep.bytesPerExample(network, TangentSweep.Kind.QUADRATIC);
      long parameters = Emulator.peak() - before - 2 * values;
      System.out.printf(
          Locale.ROOT,
          "float64 form of %.2f billion parameters: %.2f GB beside the recording%n",
          n / 1e9,
          parameters / 1e9);
      // also what the pool keeps of each size
      assertTrue(parameters < 2 * n, "bytes of parameters: " + parameters);
    }
  }

  /** A fifth at most; above 64 MiB less than 2 MiB. */
  @Test
  void blocksWasteLittle() {
    for (long bytes = 1000; bytes < 1L << 36; bytes = bytes * 9 / 8 + 1) {
      long waste = MemoryPool.sizeClass(bytes) - bytes;
      assertTrue(waste >= 0 && waste <= bytes / 4 + 256, bytes + ": " + waste);
      assertTrue(bytes < 1L << 26 || waste < 2L << 20, bytes + ": " + waste);
    }
  }
}
