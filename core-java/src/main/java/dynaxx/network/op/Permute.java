package dynaxx.network.op;

import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Another order of the axes: axis a of the output is axis {@code axes[a]} of the input.
 *
 * @param axes every axis of the input once, without that of the examples
 */
public record Permute(List<Integer> axes) implements Rearrangement {

  /**
   * Copies the order.
   *
   * @param axes every axis once
   */
  public Permute {
    axes = List.copyOf(axes);
  }

  /**
   * An order of axes.
   *
   * @param axes every axis once, from 0
   * @return the op
   */
  public static Permute of(int... axes) {
    return new Permute(IntStream.of(axes).boxed().toList());
  }

  @Override
  public String name() {
    return "permute";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    boolean each = axes.stream().sorted().toList().equals(range(x.rank()));
    Check.that(each, this, 0, x, "axes that " + axes + " names once each");
    return new Shape(axes.stream().map(x::dim).toList());
  }

  private static List<Integer> range(int n) {
    return IntStream.range(0, n).boxed().toList();
  }

  @Override
  public Walk walk(List<Shape> inputs, int i) {
    Shape x = inputs.getFirst();
    Shape y = outputShape(inputs);
    List<Walk.Axis> walk = new ArrayList<>();
    for (int a = 0; a < axes.size(); a++) {
      walk.add(new Walk.Axis(y.dim(a), x.stride(axes.get(a)), y.stride(a)));
    }
    return new Walk(walk, 0, 0);
  }
}
