package dynaxx.djl;

import ai.djl.ndarray.types.Shape;
import dynaxx.layer.Parameter;
import dynaxx.model.Recurrent;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Padding;
import dynaxx.network.op.TokenEmbedding;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Layers with parameters, and matrix products, of traced arrays. */
final class Layers {

  private Layers() {}

  private static Operand operand(TracedArray array, String what) {
    return array == null ? null : array.operand(what);
  }

  static TracedArray linear(TracedArray x, TracedArray weight, TracedArray bias) {
    Linear op = new Linear(weight.operand("a weight"), operand(bias, "a bias"));
    return x.with(Term.of(op, x.term()));
  }

  static TracedArray convolution(
      TracedArray x,
      TracedArray weight,
      TracedArray bias,
      Shape stride,
      Shape padding,
      Shape dilation,
      int groups) {
    Conv conv = Conv.of(weight.operand("a weight"), operand(bias, "a bias")).withGroups(groups);
    int[] s = Axes.dims(stride);
    int[] p = Axes.dims(padding);
    int[] d = Axes.dims(dilation);
    conv =
        switch (s.length) {
          case 1 -> conv.withStride(s[0]).withPadding(p[0]).withDilation(d[0]);
          case 2 ->
              conv.withStride(s[0], s[1])
                  .withPadding(Padding.of(p[0], p[1]))
                  .withDilation(d[0], d[1]);
          default -> throw new Refusal("convolves in " + s.length + " dimensions");
        };
    return x.with(Term.of(conv, x.term()));
  }

  static TracedArray embedding(TracedArray tokens, TracedArray table) {
    int first = tokens.firstInput();
    if (first < 0) {
      throw new Refusal("looks up numbers that are computed, expected an input");
    }
    int[] dims = Axes.dims(tokens.getShape().slice(1));
    int count = Math.toIntExact(dynaxx.layer.Shape.of(dims).size());
    Operand rows = table.operand("a table");
    int width = rows.shape().dim(1);
    Term found =
        new Term(
            dynaxx.layer.Shape.of(count, width),
            (g, none) -> g.add(new TokenEmbedding(rows, first, count), g.input()));
    int[] to = IntStream.concat(IntStream.of(dims), IntStream.of(width)).toArray();
    return table.with(true, found.reshape(to));
  }

  /** A matrix product over the last two axes; those before are repeated to common ones. */
  static TracedArray matMul(TracedArray a, TracedArray b) {
    boolean fixed = !b.each() && b.getShape().dimension() == 2;
    if (a.each() && fixed && (b.parameter() != null || b.isConstant())) {
      return a.with(Term.of(new Linear(b.operand("a factor").t(), null), a.term()));
    }
    int rank = a.getShape().dimension();
    int other = b.getShape().dimension();
    if (a.each() && fixed && rank == 2) {
      Term row = a.term().reshape(1, a.term().dims()[0]);
      Term product = Term.of(new MatMul(), row, b.term());
      return a.with(product.reshape(product.dims()[1]));
    }
    boolean both = a.each() == b.each();
    Term x = both || a.each() ? a.term() : a.without(other);
    Term y = both || b.each() ? b.term() : b.without(rank);
    if (x.rank() < 2 || y.rank() < 2 || both && a.each() && rank != other) {
      throw new Refusal("multiplies matrices of shapes " + a.getShape() + " and " + b.getShape());
    }
    dynaxx.layer.Shape lead = Broadcast.common("matmul", x.shape().leading(), y.shape().leading());
    Term left = x.repeated(lead.followedBy(x.shape().dim(-2), x.shape().dim(-1)));
    Term right = y.repeated(lead.followedBy(y.shape().dim(-2), y.shape().dim(-1)));
    return a.with(a.each() || b.each(), Term.of(new MatMul(), left, right));
  }

  /**
   * Recurrent layers one above the other; the result is the sequence of states of the last one.
   * DJL's order of parameters: for each layer the weights of all directions, then their biases.
   */
  static TracedArray recurrent(
      Recurrent kind,
      TracedArray x,
      List<TracedArray> parameters,
      boolean biased,
      int layers,
      boolean bidirectional) {
    int directions = bidirectional ? 2 : 1;
    int each = directions * (biased ? 4 : 2);
    Term sequence = x.term();
    for (int layer = 0; layer < layers; layer++) {
      List<TracedArray> own = parameters.subList(layer * each, (layer + 1) * each);
      List<Term> outputs = new ArrayList<>();
      for (int d = 0; d < directions; d++) {
        Parameter[] w = weights(own, biased, directions, d);
        outputs.add(direction(kind, sequence, d == 1, w));
      }
      sequence =
          directions == 1
              ? outputs.getFirst()
              : Term.of(new Concat(1), outputs.toArray(Term[]::new));
    }
    return x.with(sequence);
  }

  private static Parameter[] weights(
      List<TracedArray> own, boolean biased, int directions, int direction) {
    Parameter[] found = new Parameter[4];
    for (int i = 0; i < (biased ? 4 : 2); i++) {
      TracedArray array = own.get(i / 2 * 2 * directions + 2 * direction + i % 2);
      found[i] = array.parameter();
      if (found[i] == null) {
        throw new Refusal("has a frozen parameter in a recurrent layer");
      }
    }
    return found;
  }

  private static Term direction(Recurrent kind, Term x, boolean reverse, Parameter[] w) {
    int hidden = w[1].shape().dim(1);
    return new Term(
        dynaxx.layer.Shape.of(x.shape().dim(0), hidden),
        (g, in) -> g.recurrent(kind, in[0], reverse, w[0], w[1], w[2], w[3]),
        x);
  }
}
