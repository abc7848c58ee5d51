package dynaxx.network.op;

import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Inputs one after the other along an axis; their other extents are the same.
 *
 * @param axis which; negative ones count from the last
 */
public record Concat(int axis) implements Rearrangement {

  @Override
  public String name() {
    return "concat";
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    if (inputs.isEmpty()) {
      throw new IllegalArgumentException(name() + ": found 0 inputs, expected at least 1");
    }
    Shape first = inputs.getFirst();
    int at = Check.axis(this, first, axis);
    int sum = 0;
    for (int i = 0; i < inputs.size(); i++) {
      Shape x = inputs.get(i);
      boolean fits = x.rank() == first.rank() && x.with(at, first.dim(at)).equals(first);
      Check.that(fits, this, i, x, "that of input 0, " + first + ", except along axis " + at);
      sum = Math.addExact(sum, x.dim(at));
    }
    return first.with(at, sum);
  }

  @Override
  public Walk walk(List<Shape> inputs, int i) {
    Shape x = inputs.get(i);
    int at = Check.axis(this, x, axis);
    Shape y = x.with(at, inputs.stream().mapToInt(s -> s.dim(at)).sum());
    List<Walk.Axis> walk = new ArrayList<>();
    for (int a = 0; a < x.rank(); a++) {
      walk.add(new Walk.Axis(x.dim(a), x.stride(a), y.stride(a)));
    }
    long before = inputs.subList(0, i).stream().mapToLong(s -> s.dim(at)).sum();
    return new Walk(walk, 0, before * y.stride(at));
  }
}
