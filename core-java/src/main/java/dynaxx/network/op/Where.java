package dynaxx.network.op;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Takes elements from input 0 where a constant mask is true, from input 1 elsewhere. Values that
 * are not chosen may be anything.
 */
public final class Where implements Selection {

  private final boolean[] mask;

  private Where(boolean[] mask) {
    this.mask = mask;
  }

  /**
   * A selection.
   *
   * @param mask true for input 0, false for input 1; one entry for each value of an example
   * @return the op
   */
  public static Where of(boolean... mask) {
    return new Where(mask.clone());
  }

  /** Whether element i of an example comes from input 0. */
  public boolean first(int i) {
    return mask[i];
  }

  @Override
  public String name() {
    return "where";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Shape x = Check.same(this, inputs);
    Check.that(x.size() == mask.length, this, 0, x, mask.length + " values, as the mask has");
    return x;
  }

  @Override
  public void withMask(Frame f, Consumer<Buffer> kernels) {
    float[] values = new float[mask.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = mask[i] ? 1 : 0;
    }
    Constant.with(f.device(), values, kernels);
  }

  @Override
  public long masked(Frame f) {
    return mask.length;
  }

  @Override
  public String toString() {
    return "Where" + Arrays.toString(mask);
  }
}
