package dynaxx.network.op;

import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Sum or mean over some axes.
 *
 * @param axes which; negative ones count from the last
 * @param mean whether to divide by the number of summands
 * @param keep whether the axes stay, with extent 1
 */
public record Reduce(List<Integer> axes, boolean mean, boolean keep) implements Rearrangement {

  /**
   * Copies the axes.
   *
   * @param axes which
   * @param mean whether to divide
   * @param keep whether the axes stay
   */
  public Reduce {
    axes = List.copyOf(axes);
  }

  @Override
  public String name() {
    return mean ? "mean" : "sum";
  }

  private Set<Integer> reduced(Shape x) {
    Set<Integer> reduced = new TreeSet<>();
    for (int axis : axes) {
      Check.that(reduced.add(Check.axis(this, x, axis)), this, 0, x, "each axis once in " + axes);
    }
    return reduced;
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    Set<Integer> reduced = reduced(x);
    List<Integer> dims = new ArrayList<>();
    for (int a = 0; a < x.rank(); a++) {
      if (!reduced.contains(a)) {
        dims.add(x.dim(a));
      } else if (keep) {
        dims.add(1);
      }
    }
    return new Shape(dims);
  }

  @Override
  public double scale(List<Shape> inputs) {
    return mean ? (double) outputShape(inputs).size() / inputs.getFirst().size() : 1;
  }

  @Override
  public Walk walk(List<Shape> inputs, int i) {
    Shape x = inputs.getFirst();
    Set<Integer> reduced = reduced(x);
    List<Walk.Axis> walk = new ArrayList<>();
    long stride = 1;
    for (int a = x.rank() - 1; a >= 0; a--) {
      boolean sums = reduced.contains(a);
      walk.add(new Walk.Axis(x.dim(a), x.stride(a), sums ? 0 : stride));
      stride *= sums ? 1 : x.dim(a);
    }
    return new Walk(walk, 0, 0);
  }
}
