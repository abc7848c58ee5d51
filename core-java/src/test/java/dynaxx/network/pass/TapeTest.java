package dynaxx.network.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.ElementwiseKernels;
import dynaxx.kernel.Kernels;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.ConvolutionalNetwork;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Dropout;
import dynaxx.network.op.Frame;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Op;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.operator.Hessian;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class TapeTest {

  private static final Loss LOSS = Loss.meanSquaredError();

  private static Network withDropout() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(500));
    Parameter shift = g.parameter("shift", Initializer.ZEROS, 500);
    NetworkBuilder.Node x = g.add(new PositionEmbedding(shift), g.input());
    return g.build(g.add(new Dropout(0.25f), x));
  }

  /**
   * Inputs of one and targets of zero: outputs are the mask, gradients of the shift 2 mask^2 / n.
   */
  @Test
  void dropoutUsesTheSameMaskForwardAndBackward() {
    Network network = withDropout();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        Tape tape = new Tape(network, LOSS, device, 1)) {
      HostBuffer ones = scope.allocate(500);
      device.algebra().fill(ones, 1);
      Batch batch = Batch.of(network, LOSS, ones, scope.allocate(500));
      HostBuffer w = scope.allocate(500);
      HostBuffer gradient = scope.allocate(500);
      tape.forward(w, batch, 1, Mode.training(3, 0));
      tape.backward(gradient);
      HostBuffer output = (HostBuffer) tape.output();
      int kept = 0;
      for (int i = 0; i < 500; i++) {
        float mask = output.get(i);
        assertTrue(mask == 0 || Math.abs(mask - 1 / 0.75f) < 1e-6, "mask " + mask);
        assertEquals(2 * mask * mask / 500, gradient.get(i), 1e-8);
        kept += mask > 0 ? 1 : 0;
      }
      assertEquals(375, kept, 4 * Math.sqrt(500 * 0.25 * 0.75));
      float[] first = output.toArray();
      tape.forward(w, batch, 1, Mode.training(3, 1));
      assertTrue(!Arrays.equals(first, output.toArray()), "each step has its own mask");
      tape.forward(w, batch, 1, Mode.MEASURE);
      for (int i = 0; i < 500; i++) {
        assertEquals(1, output.get(i));
      }
    }
  }

  @Test
  void sweepsNeedACompleteMeasuringPass() {
    Network network = withDropout();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        Tape tape = new Tape(network, LOSS, device, 2);
        TangentSweep sweep = new TangentSweep(network, TangentSweep.Kind.PRODUCT, device, 2, 1)) {
      Batch batch = Samples.batch(scope, network, LOSS, 2, 1);
      HostBuffer w = scope.allocate(500);
      Vectors v = scope.vectors(1, 500);
      Vectors hv = scope.vectors(1, 500);
      assertThrows(IllegalStateException.class, () -> tape.backward(w));
      tape.forward(w, batch, 2, Mode.MEASURE);
      assertThrows(IllegalStateException.class, () -> sweep.addProducts(tape, v, hv));
      tape.backward(scope.allocate(500));
      sweep.addProducts(tape, v, hv);
      tape.forward(w, batch, 2, Mode.training(1, 1));
      tape.backward(scope.allocate(500));
      assertThrows(IllegalStateException.class, () -> sweep.addProducts(tape, v, hv));
      assertThrows(
          IllegalArgumentException.class,
          () -> tape.forward(scope.allocate(3), batch, 2, Mode.MEASURE));
    }
  }

  @Test
  void refusesBatchesThatDoNotFit() {
    Network network = Mlp.of(Activation.TANH, 3, 2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        Tape tape = new Tape(network, LOSS, device, 2)) {
      HostBuffer w = scope.allocate(8);
      Batch tooMany = Samples.batch(scope, network, LOSS, 3, 1);
      assertThrows(IllegalArgumentException.class, () -> tape.forward(w, tooMany, 3, Mode.MEASURE));
      Batch wrong = new Batch(scope.allocate(4), scope.allocate(4), 2);
      assertThrows(IllegalArgumentException.class, () -> tape.forward(w, wrong, 2, Mode.MEASURE));
    }
  }

  /** The CPU without a family of kernels. */
  private static Device without(Device cpu, Class<?> family) {
    Kernels all = cpu.kernels();
    Kernels some =
        (Kernels)
            Proxy.newProxyInstance(
                Kernels.class.getClassLoader(),
                new Class<?>[] {Kernels.class},
                (proxy, method, args) ->
                    method.getReturnType() == family
                        ? InvocationHandler.invokeDefault(proxy, method, args)
                        : method.invoke(all, args));
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            new Class<?>[] {Device.class},
            (proxy, method, args) ->
                method.getName().equals("kernels") ? some : method.invoke(cpu, args));
  }

  @Test
  void aDeviceThatLacksAFamilyRefusesTheNetworkByName() {
    Network cnn = new ConvolutionalNetwork().image(1, 8, 8).classes(3).stages(4).noNorm().build();
    try (Device cpu = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Loss loss = Loss.crossEntropy();
      Batch batch = Samples.batch(scope, cnn, loss, 4, 1);
      HostBuffer w = scope.allocate(cnn.parameterCount());
      cnn.initialize(w, 1);
      try (Hessian hessian =
          new Hessian(cnn, loss, batch, without(cpu, ConvolutionKernels.class))) {
        String refused =
            assertThrows(UnsupportedOperationException.class, () -> hessian.linearize(w))
                .getMessage();
        assertEquals("conv2d: device cpu has no kernels for convolutions", refused);
      }
      try (Hessian hessian =
          new Hessian(cnn, loss, batch, without(cpu, ElementwiseKernels.class))) {
        String refused =
            assertThrows(
                    UnsupportedOperationException.class,
                    () -> hessian.linearize(w).quadraticForm(scope.vectors(1, w.size())))
                .getMessage();
        assertTrue(
            refused.endsWith(": device cpu has no kernels for elementwise arithmetic"), refused);
      }
    }
  }

  /** An activation during whose passes something else happens. */
  private record During(Runnable what, Op op) implements Op {

    @Override
    public String name() {
      return op.name();
    }

    @Override
    public Shape outputShape(List<Shape> inputs) {
      return op.outputShape(inputs);
    }

    @Override
    public Workspace workspace(List<Shape> inputs) {
      return op.workspace(inputs);
    }

    @Override
    public void forward(Frame f) {
      what.run();
      op.forward(f);
    }

    @Override
    public void backward(Frame f) {
      what.run();
      op.backward(f);
    }

    @Override
    public void tangentForward(Frame f) {
      op.tangentForward(f);
    }

    @Override
    public void tangentBackward(Frame f) {
      op.tangentBackward(f);
    }

    @Override
    public void curvature(Frame f) {
      op.curvature(f);
    }
  }

  /** Kernels keep the arguments of a call in one place: another thread would overwrite them. */
  @Test
  void noOtherThreadUsesTheDeviceDuringAPass() throws InterruptedException {
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      List<Thread> others = new ArrayList<>();
      Runnable during =
          () -> {
            Thread other =
                Thread.ofPlatform().start(() -> device.turns().take(() -> order.add("other")));
            others.add(other);
            while (other.isAlive() && other.getState() != Thread.State.WAITING) {
              Thread.onSpinWait();
            }
            order.add("pass");
          };
      NetworkBuilder g = NetworkBuilder.of(Shape.of(2));
      NetworkBuilder.Node x = g.linear(g.input(), 2, "linear");
      Network network = g.build(g.add(new During(during, new Activate(Activation.TANH)), x));
      Batch batch = Batch.of(network, LOSS, scope.allocate(2), scope.allocate(2));
      HostBuffer w = scope.allocate(network.parameterCount());
      try (Tape tape = new Tape(network, LOSS, device, 1)) {
        tape.forward(w, batch, 1);
        others.getFirst().join();
        tape.backward(scope.allocate(w.size()));
        others.getLast().join();
      }
    }
    assertEquals(List.of("pass", "other", "pass", "other"), order);
  }
}
