package dynaxx.djl;

import dynaxx.kernel.Pointwise;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Op;
import dynaxx.network.op.Permute;
import dynaxx.network.op.Reshape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A value of a network while it is traced, for one example. It becomes a node only if the output
 * needs it.
 */
final class Term {

  private final Shape shape;
  private final List<Term> inputs;
  private final Emission emission;
  private Node node;

  /** Adds a term to a network. */
  @FunctionalInterface
  interface Emission {
    Node add(NetworkBuilder g, Node[] inputs);
  }

  Term(Shape shape, Emission emission, Term... inputs) {
    this.shape = shape;
    this.emission = emission;
    this.inputs = List.of(inputs);
  }

  static Term of(Op op, Term... inputs) {
    Shape shape = op.outputShape(List.of(inputs).stream().map(t -> t.shape).toList());
    return new Term(shape, (g, nodes) -> g.add(op, nodes), inputs);
  }

  Shape shape() {
    return shape;
  }

  int rank() {
    return shape.rank();
  }

  int[] dims() {
    return shape.dims().stream().mapToInt(Integer::intValue).toArray();
  }

  Node node(NetworkBuilder g) {
    if (node == null) {
      node = emission.add(g, inputs.stream().map(t -> t.node(g)).toArray(Node[]::new));
    }
    return node;
  }

  Term map(Pointwise function) {
    return of(new Activate(function), this);
  }

  Term reshape(int... dims) {
    Shape to = Shape.of(dims);
    return to.equals(shape) ? this : of(new Reshape(to), this);
  }

  Term permute(int... axes) {
    boolean same = IntStream.range(0, axes.length).allMatch(i -> axes[i] == i);
    return same ? this : of(Permute.of(axes), this);
  }

  /** The same with one axis elsewhere. */
  Term moved(int from, int to) {
    List<Integer> order = new ArrayList<>();
    IntStream.range(0, rank()).filter(a -> a != from).forEach(order::add);
    order.add(to, from);
    return permute(order.stream().mapToInt(Integer::intValue).toArray());
  }

  Term repeated(Shape to) {
    return shape.equals(to) ? this : of(new Broadcast(to), this);
  }

  /** An op on two terms that are repeated to one shape first. */
  static Term binary(Op op, Term a, Term b) {
    Shape common = Broadcast.common(op.name(), a.shape, b.shape);
    return of(op, a.repeated(common), b.repeated(common));
  }
}
