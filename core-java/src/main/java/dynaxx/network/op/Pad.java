package dynaxx.network.op;

import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Constant margins around the input.
 *
 * @param before margin before each axis, at least 0
 * @param after margin after each axis, at least 0
 * @param value what stands in them
 */
public record Pad(List<Integer> before, List<Integer> after, double value)
    implements Rearrangement {

  /**
   * Copies the margins.
   *
   * @param before margin before each axis
   * @param after margin after each axis
   * @param value what stands in them
   */
  public Pad {
    before = List.copyOf(before);
    after = List.copyOf(after);
  }

  @Override
  public String name() {
    return "pad";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    boolean fits =
        before.size() == x.rank()
            && after.size() == x.rank()
            && before.stream().allMatch(m -> m >= 0)
            && after.stream().allMatch(m -> m >= 0);
    String expected = "as many axes as margins of at least 0, before " + before + " after " + after;
    Check.that(fits, this, 0, x, expected);
    List<Integer> dims = new ArrayList<>();
    for (int a = 0; a < x.rank(); a++) {
      dims.add(before.get(a) + x.dim(a) + after.get(a));
    }
    return new Shape(dims);
  }

  @Override
  public double padding() {
    return value;
  }

  @Override
  public Walk walk(List<Shape> inputs, int i) {
    Shape x = inputs.getFirst();
    Shape y = outputShape(inputs);
    List<Walk.Axis> walk = new ArrayList<>();
    long start = 0;
    for (int a = 0; a < x.rank(); a++) {
      walk.add(new Walk.Axis(x.dim(a), x.stride(a), y.stride(a)));
      start += before.get(a) * y.stride(a);
    }
    return new Walk(walk, 0, start);
  }
}
