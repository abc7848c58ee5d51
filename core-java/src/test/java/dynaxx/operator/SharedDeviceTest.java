package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Turns;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Range;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.ConvolutionalNetwork;
import dynaxx.model.Mlp;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.spectrum.GradientStatistics;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Threads that share one device: turns, bits, and what cannot be shared. */
class SharedDeviceTest {

  private static final int CALLERS = 8;
  private static final Loss LOSS = Loss.crossEntropy();

  private static List<Network> networks() {
    Network cnn =
        new ConvolutionalNetwork().image(1, 12, 12).classes(3).stages(4, 6).batchNorm().build();
    Network vit =
        new VisionTransformer()
            .image(1, 12, 12)
            .patch(4)
            .embedding(16)
            .depth(1)
            .heads(2)
            .hidden(24)
            .classes(3)
            .build();
    return List.of(cnn, vit, Mlp.of(Activation.TANH, 30, 40, 5));
  }

  /** Eigenvalues, a product and a form in float64: all that a caller may want, as bits. */
  private static List<Double> measure(Network network, int seed, Device device) {
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, 24, seed);
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, seed);
      try (Hessian hessian = new Hessian(network, LOSS, batch, device)) {
        hessian.linearize(w);
        Lanczos.Result found = Lanczos.fixed(12).run(hessian);
        Vectors v = device.vectors(scope, 3, network.parameterCount());
        Vectors hv = device.vectors(scope, 3, network.parameterCount());
        device.algebra().rademacher(seed, 0, v);
        hessian.apply(v, hv);
        return List.of(
            hessian.loss(),
            hessian.gradientNorm(),
            found.min().value(),
            found.max().value(),
            device.algebra().dot(hv.vector(2), hv.vector(2)),
            restricted(hessian, device),
            GradientStatistics.measure(network, LOSS, batch, 6, 0, w, device).variance(),
            hessian.quadraticForm64(v.vector(1)).orElse(0));
      }
    }
  }

  private static double restricted(Hessian hessian, Device device) {
    try (Scope scope = Scope.open();
        SymmetricOperator part = hessian.restricted(List.of(new Range(3, 20)))) {
      Vectors v = device.vectors(scope, 2, 20);
      device.algebra().rademacher(5, 0, v);
      return part.quadraticForm(v)[1];
    }
  }

  private static void assertSameBitsAsAlone(ExecutorService threads) throws Exception {
    try (threads;
        Device device = TestDevice.open(2)) {
      List<List<Double>> alone = new ArrayList<>();
      for (int i = 0; i < CALLERS; i++) {
        alone.add(measure(networks().get(i % 3), i, device));
      }
      CountDownLatch start = new CountDownLatch(1);
      List<Future<List<Double>>> together = new ArrayList<>();
      for (int i = 0; i < CALLERS; i++) {
        int caller = i;
        together.add(
            threads.submit(
                () -> {
                  start.await();
                  return measure(networks().get(caller % 3), caller, device);
                }));
      }
      start.countDown();
      for (int i = 0; i < CALLERS; i++) {
        assertEquals(alone.get(i), together.get(i).get(), "caller " + i);
      }
    }
  }

  @Test
  void eightThreadsGetTheBitsThatEachGetsAlone() throws Exception {
    assertSameBitsAsAlone(Executors.newFixedThreadPool(CALLERS));
  }

  @Test
  void virtualThreadsToo() throws Exception {
    assertSameBitsAsAlone(Executors.newVirtualThreadPerTaskExecutor());
  }

  @Test
  void oneOperatorRefusesASecondThreadAtOnce() throws Exception {
    Network network = Mlp.of(Activation.TANH, 30, 40, 5);
    try (Device device = TestDevice.open(1);
        Scope scope = Scope.open();
        Hessian hessian =
            new Hessian(network, LOSS, Samples.batch(scope, network, LOSS, 8, 1), device)) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 1);
      hessian.linearize(w);
      Vectors v = device.vectors(scope, 1, network.parameterCount());
      double[] before = hessian.quadraticForm(v);
      CountDownLatch inside = new CountDownLatch(1);
      CountDownLatch done = new CountDownLatch(1);
      Thread other =
          Thread.ofPlatform()
              .name("other")
              .start(
                  () ->
                      hessian.microBatchGradients(
                          8,
                          gradient -> {
                            inside.countDown();
                            await(done);
                          }));
      inside.await();
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> hessian.quadraticForm(v));
      assertTrue(e.getMessage().startsWith("hessian: found a call by thread"), e.getMessage());
      assertTrue(e.getMessage().contains("'other' is using it"), e.getMessage());
      done.countDown();
      other.join();
      assertArrayEquals(before, hessian.quadraticForm(v), "a refusal changes nothing");
    }
  }

  @Test
  void turnsNestAndAnOwnerIsFreeAfterAFailure() {
    Turns turns = new Turns();
    Object owner = new Object();
    assertThrows(
        ArithmeticException.class,
        () ->
            turns.alone(
                owner,
                "owner",
                () -> {
                  throw new ArithmeticException();
                }));
    int found =
        turns.alone(owner, "owner", () -> turns.alone(owner, "owner", () -> turns.take(() -> 3)));
    assertEquals(3, found);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
