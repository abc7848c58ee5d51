package dynaxx.network.op;

import dynaxx.kernel.Walk;
import dynaxx.layer.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Part of one axis: the positions start, start + step, and so on, before end.
 *
 * @param axis which; negative ones count from the last
 * @param start first position, from 0
 * @param end where it stops, not included; -1 to reach position 0 with a negative step
 * @param step not 0; negative to go backwards
 */
public record Slice(int axis, int start, int end, int step) implements Rearrangement {

  /**
   * Neighbouring positions.
   *
   * @param axis which; negative ones count from the last
   * @param start first position
   * @param end one after the last
   * @return the op
   */
  public static Slice of(int axis, int start, int end) {
    return new Slice(axis, start, end, 1);
  }

  @Override
  public String name() {
    return "slice";
  }

  private int count() {
    return step == 0 ? 0 : Math.ceilDiv(end - start, step);
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    int at = Check.axis(this, x, axis);
    int last = start + (count() - 1) * step;
    boolean inside = start >= 0 && start < x.dim(at) && last >= 0 && last < x.dim(at);
    String positions = "axis " + at + " to hold positions " + start + ":" + end + ":" + step;
    Check.that(count() >= 1 && inside, this, 0, x, positions + ", at least one");
    return x.with(at, count());
  }

  @Override
  public Walk walk(List<Shape> inputs, int i) {
    Shape x = inputs.getFirst();
    Shape y = outputShape(inputs);
    int at = Check.axis(this, x, axis);
    List<Walk.Axis> walk = new ArrayList<>();
    for (int a = 0; a < x.rank(); a++) {
      long stride = x.stride(a) * (a == at ? step : 1);
      walk.add(new Walk.Axis(y.dim(a), stride, y.stride(a)));
    }
    return new Walk(walk, start * x.stride(at), 0);
  }
}
