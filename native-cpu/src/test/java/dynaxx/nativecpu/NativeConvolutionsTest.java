package dynaxx.nativecpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.abort;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.device.cpu.NativeKernels.Precision;
import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Convolutions in C; the devices of this JVM compute in Java. */
class NativeConvolutionsTest {

  private static final int K = 3;

  private static final List<Convolution> SHAPES =
      List.of(
          new Convolution(3, 2, 5, 1, axis(9, 3, 1, 1), axis(7, 3, 1, 1)),
          new Convolution(40, 6, 16, 2, axis(17, 3, 2, 1), axis(20, 5, 3, 2)),
          new Convolution(2, 17, 33, 1, axis(28, 3, 1, 1), axis(28, 1, 1, 0)),
          new Convolution(50, 16, 20, 1, axis(15, 3, 1, 1), axis(13, 3, 2, 1)),
          new Convolution(120, 16, 4, 1, axis(30, 1, 1, 0), axis(30, 1, 1, 0)),
          new Convolution(60, 128, 64, 1, axis(4, 3, 1, 1), axis(4, 3, 1, 1)),
          new Convolution(600, 36, 10, 2, axis(4, 3, 3, 1), axis(5, 2, 1, 0)),
          new Convolution(5, 8, 8, 8, axis(12, 2, 1, 0), axis(33, 7, 2, 3)),
          new Convolution(70, 1, 3, 1, axis(40, 4, 3, 0), axis(40, 2, 4, 0)));

  private static Sliding axis(int size, int kernel, int stride, int pad) {
    return new Sliding(size, kernel, stride, pad, pad, 1);
  }

  private static ConvolutionKernels open(String level) {
    try {
      Level opened = Library.open().level(Precision.FP32, level);
      return new NativeConvolutions(opened.convolutions(), Operands::backwards);
    } catch (UnavailableException e) {
      return abort(e.getMessage());
    }
  }

  /** The arrays of one shape, for K directions. */
  private static final class Arrays implements AutoCloseable {
    private final Convolution s;
    private final Scope scope = Scope.open();
    private final HostBuffer x;
    private final HostBuffer dy;
    private final HostBuffer w;
    private final HostBuffer bias;

    Arrays(Convolution s) {
      this.s = s;
      x = buffer(K * s.images() * s.inSize(), 1);
      dy = buffer(K * s.images() * s.outSize(), 2);
      w = buffer((long) K * s.outputs() * s.depth(), 3);
      bias = buffer((long) K * s.outputs(), 4);
    }

    private HostBuffer buffer(long size, long seed) {
      return scope.allocate(size).put(Operands.normal((int) size, seed));
    }

    private Strided images(boolean shared) {
      return new Strided(x, 0, shared ? 0 : s.images() * s.inSize());
    }

    private Strided adjoints() {
      return new Strided(dy, 0, s.images() * s.outSize());
    }

    private Strided weights(boolean shared) {
      return new Strided(w, 0, shared ? 0 : (long) s.outputs() * s.depth());
    }

    private float[] outputs(ConvolutionKernels kernels, boolean sharedX, boolean sharedW) {
      HostBuffer y = buffer(K * s.images() * s.outSize(), 5);
      Strided shift = new Strided(bias, 0, s.outputs());
      kernels.convolve(s, K, images(sharedX), weights(sharedW), shift, y, sharedX);
      return floats(y);
    }

    private float[] inputs(ConvolutionKernels kernels, boolean sharedW) {
      HostBuffer dx = buffer(K * s.images() * s.inSize(), 6);
      kernels.convolveInput(s, K, adjoints(), weights(sharedW), dx, sharedW);
      return floats(dx);
    }

    private float[] gradients(ConvolutionKernels kernels, boolean sharedX) {
      int size = s.outputs() * s.depth();
      HostBuffer both = buffer((long) K * (size + s.outputs()), 7);
      Strided dw = new Strided(both, 0, size);
      Strided dbias = new Strided(both, (long) K * size, s.outputs());
      kernels.convolveWeight(s, K, images(sharedX), adjoints(), dw, dbias);
      return floats(both);
    }

    private static float[] floats(HostBuffer buffer) {
      float[] values = new float[(int) buffer.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = buffer.get(i);
      }
      return values;
    }

    @Override
    public void close() {
      scope.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"avx2", "avx512"})
  void hasTheBitsOfJava(String level) {
    ConvolutionKernels kernels = open(level);
    try (Device java = Devices.cpu(1)) {
      ConvolutionKernels expected = java.kernels().convolutions();
      String lanes = level.equals("avx2") ? "8 float lanes" : "16 float lanes";
      for (Convolution s : SHAPES) {
        try (Arrays a = new Arrays(s)) {
          for (boolean shared : new boolean[] {true, false}) {
            assertArrayEquals(
                a.outputs(expected, shared, !shared), a.outputs(kernels, shared, !shared), "" + s);
            assertArrayEquals(a.inputs(expected, shared), a.inputs(kernels, shared), "" + s);
            if (java.description().contains(lanes)) {
              assertArrayEquals(
                  a.gradients(expected, shared), a.gradients(kernels, shared), "" + s);
            }
          }
        }
      }
    }
  }

  @Test
  void touchesNoMemoryThatItWasNotGiven() {
    ConvolutionKernels kernels = open("auto");
    Convolution s = SHAPES.getFirst();
    try (Arrays a = new Arrays(s);
        Scope scope = Scope.open()) {
      HostBuffer y = scope.allocate(s.images() * s.outSize() - 1);
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> kernels.convolve(s, 1, a.images(true), a.weights(true), null, y, false));
      HostBuffer dw = scope.allocate((long) s.outputs() * s.depth() - 1);
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> kernels.convolveWeight(s, 1, a.images(true), a.adjoints(), Strided.of(dw), null));
    }
  }
}
