package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Network;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Gather;
import dynaxx.network.op.ParameterValue;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Slice;
import dynaxx.network.op.Where;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Turns expressions into the nodes of a network. */
final class Emission {

  private final NetworkBuilder g;
  private final Map<Expr, Node> nodes = new IdentityHashMap<>();
  private final Map<String, Node> flat = new HashMap<>();

  Emission(NetworkBuilder g) {
    this.g = g;
  }

  /** Names of the parameters that an output depends on. */
  static Set<String> parameters(Expr output) {
    return parameters(Sorting.expressions(output));
  }

  /** Those that it depends on not only through functions that change in steps. */
  static Set<String> differentiable(Expr output) {
    return parameters(Sorting.expressions(output, Emission::differentiated));
  }

  private static List<Expr> differentiated(Expr e) {
    if (e.op instanceof Activate(Elementary f)) {
      return switch (f.kind()) {
        case STEP, FLOOR, ROUND -> List.of();
        default -> e.inputs;
      };
    }
    return e.op instanceof Where && e.inputs.size() == 3 ? e.inputs.subList(0, 2) : e.inputs;
  }

  private static Set<String> parameters(List<Expr> expressions) {
    Set<String> used = new LinkedHashSet<>();
    for (Expr e : expressions) {
      if (e.leaf != null) {
        used.add(e.leaf.parameter().name());
      } else if (e.op != null) {
        e.op.parameters().forEach(p -> used.add(p.name()));
      }
    }
    return used;
  }

  Network network(Expr output) {
    Node last = g.input();
    for (Expr e : Sorting.expressions(output)) {
      last = node(e);
      nodes.put(e, last);
    }
    return g.build(last);
  }

  private Node node(Expr e) {
    if (e.leaf != null) {
      return leaf(e.leaf, e.shape);
    }
    return e.op == null
        ? g.input()
        : g.add(e.op, e.inputs.stream().map(nodes::get).toArray(Node[]::new));
  }

  private Node leaf(Weight.View view, Shape shape) {
    Parameter parameter = view.parameter();
    if (view.whole()) {
      return g.add(new ParameterValue(parameter, shape));
    }
    Node picked = run(view);
    if (picked == null) {
      picked = g.add(new Gather(0, positions(view)), flat(parameter));
    }
    return picked.shape().equals(shape) ? picked : g.add(new Reshape(shape), picked);
  }

  private Node flat(Parameter parameter) {
    Shape all = Shape.of(Math.toIntExact(parameter.size()));
    return flat.computeIfAbsent(
        parameter.name(), name -> g.add(new ParameterValue(parameter, all)));
  }

  /** Runs at equal distances, such as some columns of a matrix, or null if it is something else. */
  private Node run(Weight.View view) {
    int rank = view.dims().length;
    long length = 1;
    int axis = rank - 1;
    while (axis >= 0 && (view.dims()[axis] == 1 || view.strides()[axis] == length)) {
      length *= view.dims()[axis--];
    }
    int inner = axis;
    long count = 1;
    long step = axis < 0 ? 0 : view.strides()[axis];
    while (axis >= 0 && (view.dims()[axis] == 1 || view.strides()[axis] == step * count)) {
      count *= view.dims()[axis--];
    }
    if (axis >= 0) {
      return null;
    }
    int start = Math.toIntExact(view.offset());
    if (inner < 0) {
      return g.add(Slice.of(0, start, Math.toIntExact(start + length)), flat(view.parameter()));
    }
    long rows = step > 0 ? view.parameter().size() / step : 0;
    if (rows == 0 || rows * step != view.parameter().size() || start % step + length > step) {
      return null;
    }
    Shape table = Shape.of(Math.toIntExact(rows), Math.toIntExact(step));
    int row = Math.toIntExact(start / step);
    int column = Math.toIntExact(start % step);
    Node all = g.add(new ParameterValue(view.parameter(), table));
    Node some = count == rows ? all : g.add(Slice.of(0, row, Math.toIntExact(row + count)), all);
    return g.add(Slice.of(1, column, Math.toIntExact(column + length)), some);
  }

  private static List<Integer> positions(Weight.View view) {
    long[] outer = Dims.strides(view.dims());
    int size = Math.toIntExact(Dims.size(view.dims()));
    List<Integer> positions = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      long at = view.offset();
      long rest = i;
      for (int a = 0; a < outer.length; a++) {
        at += rest / outer[a] * view.strides()[a];
        rest %= outer[a];
      }
      positions.add(Math.toIntExact(at));
    }
    return positions;
  }
}
