package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import java.nio.FloatBuffer;

/** Blocks for the tests. */
final class Blocks {

  private Blocks() {}

  static Linear linear(int units) {
    return Linear.builder().setUnits(units).build();
  }

  /** The network of the case with known curvature. */
  static SequentialBlock mlpTanh() {
    return new SequentialBlock().add(linear(24)).add(Activation::tanh).add(linear(10));
  }

  /** Sets parameters, in the order of the block. */
  static void set(Block block, double... values) {
    int at = 0;
    for (Parameter parameter : block.getParameters().values()) {
      if (parameter.requiresGradient()) {
        NDArray array = parameter.getArray();
        float[] part = new float[(int) array.size()];
        for (int i = 0; i < part.length; i++) {
          part[i] = (float) values[at++];
        }
        array.set(FloatBuffer.wrap(part));
      }
    }
    if (at != values.length) {
      throw new IllegalArgumentException("values: found " + values.length + ", expected " + at);
    }
  }
}
