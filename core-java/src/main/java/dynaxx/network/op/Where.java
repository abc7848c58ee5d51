package dynaxx.network.op;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Takes elements from input 0 where a mask is true, from input 1 elsewhere. The mask is constant,
 * or input 2, whose values other than 0 are true and whose derivative is 0. Values that are not
 * chosen may be anything.
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

  /**
   * A selection by the values of input 2, which are 0 or 1.
   *
   * @return the op, of three inputs of one shape
   */
  public static Where byLast() {
    return new Where(null);
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
    if (mask == null) {
      Check.inputs(this, inputs, 3);
      Shape x = inputs.getFirst();
      for (int i = 1; i < 3; i++) {
        Check.that(inputs.get(i).equals(x), this, i, inputs.get(i), "the shape of input 0, " + x);
      }
      return x;
    }
    Shape x = Check.same(this, inputs);
    Check.that(x.size() == mask.length, this, 0, x, mask.length + " values, as the mask has");
    return x;
  }

  @Override
  public boolean readsInput(int input) {
    return mask == null && input == 2;
  }

  @Override
  public void withMask(Frame f, Consumer<Buffer> kernels) {
    if (mask == null) {
      kernels.accept(f.x(2));
      return;
    }
    kernels.accept(f.constant(0));
  }

  @Override
  public List<float[]> constants() {
    if (mask == null) {
      return List.of();
    }
    float[] values = new float[mask.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = mask[i] ? 1 : 0;
    }
    return List.of(values);
  }

  @Override
  public long masked(Frame f) {
    return mask == null ? f.examples() * f.outputShape().size() : mask.length;
  }

  @Override
  public void tangentForward(Frame f) {
    if (f.active(0) || f.active(1)) {
      Selection.super.tangentForward(f);
    } else {
      f.device().algebra().fill(f.ry().slice(0, f.directions() * masked(f)), 0);
    }
  }

  @Override
  public void backward(Frame f) {
    Selection.super.backward(f);
    if (mask == null && f.active(2) && !f.adds(2)) {
      f.device().algebra().fill(f.dx(2).slice(0, masked(f)), 0);
    }
  }

  @Override
  public void tangentBackward(Frame f) {
    Selection.super.tangentBackward(f);
    if (mask == null && f.active(2) && !f.adds(2)) {
      f.device().algebra().fill(f.rdx(2).slice(0, f.directions() * masked(f)), 0);
    }
  }

  @Override
  public String toString() {
    return mask == null ? "Where[by input 2]" : "Where" + Arrays.toString(mask);
  }
}
