package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.layer.Shape;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Constant;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Permute;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Where;
import java.util.Arrays;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A network while it is read: expressions, of which only those that reach the output become nodes.
 * Rearrangements that come to nothing are left out at once.
 */
final class Draft {

  /** Expressions of a model; a recurrent layer makes about twenty for each step. */
  static final int MOST = 1_000_000;

  private final Map<Tensor, Expr> constants = new IdentityHashMap<>();
  private final Map<Op, Tensor> tensors = new IdentityHashMap<>();
  private final Map<String, Tensor> initial;
  private final Expr input;
  private final Set<String> fixed = new HashSet<>();
  private final Map<Weight, Expr> weights = new IdentityHashMap<>();
  private final Map<Tensor, Operand> operands = new IdentityHashMap<>();
  private final boolean tokens;
  private final boolean padding;
  private final Set<String> notes = new LinkedHashSet<>();
  private int count;

  /**
   * Begins a network.
   *
   * @param input shape of one example
   * @param initial values of the parameters by name
   * @param tokens whether all of the input are the tokens of one input
   * @param padding whether a row of zeros in a table is padding
   */
  Draft(Shape input, Map<String, Tensor> initial, boolean tokens, boolean padding) {
    this.padding = padding;
    this.initial = initial;
    this.tokens = tokens;
    this.input = make(null, List.of(), input, null);
  }

  Expr input() {
    return input;
  }

  private Expr make(Op op, List<Expr> inputs, Shape shape, Weight.View leaf) {
    count++;
    if (count > MOST) {
      throw new OnnxException(
          "model: found more than " + MOST + " operations when unrolled, expected fewer");
    }
    if (shape.size() > Integer.MAX_VALUE) {
      throw new OnnxException(
          "model: found a value of shape " + shape + ", expected fewer than 2^31 elements");
    }
    return new Expr(this, op, inputs, shape, leaf);
  }

  /** Adds an op; shapes are checked by the op. */
  Expr op(Op op, Expr... inputs) {
    return op(op, List.of(inputs));
  }

  Expr op(Op op, List<Expr> inputs) {
    List<Shape> shapes = inputs.stream().map(e -> e.shape).toList();
    return make(op, inputs, op.outputShape(shapes), null);
  }

  Expr leaf(Weight.View view) {
    return make(null, List.of(), Dims.shape(view.dims()), view);
  }

  /** A body as an expression. */
  Expr expr(Body body) {
    return switch (body) {
      case Expr e -> e;
      case Weight w -> weight(w);
      case Tensor t -> constant(t);
      case Positions p ->
          throw new OnnxException(
              "found whole numbers of the input, expected floats, or an operator that takes them");
      case Whole w ->
          throw new OnnxException(
              "found whole numbers that are computed from the input, expected floats, or an"
                  + " operator that takes them");
      case Sequence s -> throw new OnnxException("found a sequence, expected a tensor");
    };
  }

  /** Whole numbers or floats as an expression, as a batch holds them all. */
  Expr numbers(Body body) {
    return switch (body) {
      case Positions p -> data(p);
      case Whole w -> w.expr();
      case Tensor t when !t.isFloat() && !t.exactAsFloats() ->
          throw new OnnxException(
              "found constants beyond 2^24 beside whole numbers that are computed, which are held"
                  + " as floats, expected smaller ones");
      default -> expr(body);
    };
  }

  /** Whole numbers of the input, which a batch holds as floats. */
  private Expr data(Positions p) {
    int[] at = Arrays.stream(p.at().wholes()).mapToInt(Math::toIntExact).toArray();
    Expr flat = input.reshape(new long[] {input.shape.size()});
    return flat.gather(0, at).reshape(p.dims());
  }

  private Expr weight(Weight w) {
    Expr known = weights.get(w);
    if (known == null) {
      known = w.expr();
      weights.put(w, known);
    }
    return known;
  }

  /** A parameter, part of one or a constant as a layer's operand; null for what is computed. */
  Operand operand(Body body) {
    return switch (body) {
      case Tensor t ->
          operands.computeIfAbsent(
              t, key -> Operand.of(Dims.shape(t.dims()), t.toFloats().floats()));
      case Weight.View v -> v.operand();
      default -> null;
    };
  }

  /** The values of a body that does not depend on the input, as they are in the file, or null. */
  Tensor values(Body body) {
    return switch (body) {
      case Tensor t -> t;
      case Weight.View v ->
          initial.get(v.parameter().name()).strided(v.offset(), v.dims(), v.strides());
      case Weight.Joined j -> {
        List<Tensor> parts = j.parts().stream().map(this::values).toList();
        yield Folding.join(parts, j.axis(), j.dims());
      }
      case Expr e -> null;
      case Positions p -> null;
      case Whole w -> null;
      case Sequence s -> null;
    };
  }

  /** Names of the initializers that are used as constants somewhere. */
  Set<String> fixed() {
    return fixed;
  }

  /**
   * The values of a body, whose parameters are to be constants everywhere.
   *
   * @throws Refold if it has been computed from parameters: once they are constants, it folds
   */
  Tensor fixed(Body body) {
    Tensor values = values(body);
    if (!(body instanceof Tensor)) {
      Set<String> names = body instanceof Positions ? Set.of() : Emission.parameters(numbers(body));
      fixed.addAll(names);
      boolean data = !(body instanceof Weight) && dependsOnInput(body);
      if (values == null && (data || names.isEmpty())) {
        throw new OnnxException(
            "found a value that is computed "
                + (data ? "from the input" : "by operators that do not fold")
                + ", expected a constant, since it decides a shape, a place or a setting");
      }
      if (values == null) {
        throw new Refold();
      }
    }
    return values;
  }

  List<String> notes() {
    return List.copyOf(notes);
  }

  /**
   * The only row of zeros in a trained table: of random rows none is zero, and a row stays so only
   * if nothing ever moved it. -1 if there is none, or several.
   */
  int paddingRow(Body table) {
    if (!padding || !(table instanceof Weight.View view)) {
      return -1;
    }
    Tensor values = values(table);
    int width = Math.toIntExact(values.dims()[1]);
    int found = -1;
    for (int row = 0; row < values.dims()[0]; row++) {
      int at = row * width;
      if (IntStream.range(at, at + width).allMatch(i -> values.number(i) == 0)) {
        if (found >= 0) {
          return -1;
        }
        found = row;
      }
    }
    if (found >= 0 && values.dims()[0] > 2) {
      notes.add(
          "row "
              + found
              + " of '"
              + view.parameter().name()
              + "' is zero and counts as padding (PyTorch's padding_idx): no derivative");
      return found;
    }
    return -1;
  }

  /** Whether all of the network's input are the tokens of one input. */
  boolean tokens() {
    return tokens;
  }

  boolean dependsOnInput(Body body) {
    Expr e = body instanceof Whole w ? w.expr() : body instanceof Expr x ? x : null;
    return e == null || Sorting.expressions(e).contains(input);
  }

  /** A reading that has to be repeated with fewer parameters. */
  static final class Refold extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refold() {
      super(null, null, false, false);
    }
  }

  Expr constant(Tensor t) {
    return constants.computeIfAbsent(
        t,
        key -> {
          Shape shape = Dims.shape(t.dims());
          Constant op =
              t.filled()
                  ? Constant.filled(shape, t.number(0))
                  : Constant.of(shape, t.toFloats().floats());
          tensors.put(op, t);
          return op(op);
        });
  }

  /** Chooses elements by a mask of the shape of both. */
  Expr where(Tensor mask, Expr a, Expr b) {
    boolean[] first = new boolean[mask.count()];
    for (int i = 0; i < first.length; i++) {
      first[i] = mask.whole(i) != 0;
    }
    Where op = Where.of(first);
    tensors.put(op, mask);
    return op(op, a, b);
  }

  /** Chooses elements by a mask that is computed. */
  Expr where(Expr mask, Expr a, Expr b) {
    return op(Where.byLast(), a, b, mask);
  }

  /** The values of a constant or the mask of a choice; null for another op. */
  Tensor tensor(Op op) {
    return tensors.get(op);
  }

  Expr reshape(Expr x, Shape to) {
    if (x.shape.equals(to)) {
      return x;
    }
    Expr from = x.op instanceof Reshape ? x.input() : x;
    return from.shape.equals(to) ? from : op(new Reshape(to), from);
  }

  Expr permute(Expr x, int[] order) {
    if (Dims.isIdentity(order)) {
      return x;
    }
    int[] moving = Arrays.stream(order).filter(a -> x.shape.dim(a) != 1).toArray();
    if (Arrays.equals(moving, Arrays.stream(moving).sorted().toArray())) {
      return reshape(x, Dims.shape(Dims.permuted(x.dims(), order)));
    }
    if (x.op instanceof Permute earlier) {
      int[] both = Arrays.stream(order).map(a -> earlier.axes().get(a)).toArray();
      return permute(x.input(), both);
    }
    return op(Permute.of(order), x);
  }

  /** Moves one axis to the end, or from the end back. */
  Expr axisToLast(Expr x, int axis) {
    int rank = x.shape.rank();
    int[] order = IntStream.range(0, rank).map(a -> a < axis ? a : a + 1).toArray();
    order[rank - 1] = axis;
    return permute(x, order);
  }

  Expr lastToAxis(Expr x, int axis) {
    int rank = x.shape.rank();
    int[] order =
        IntStream.range(0, rank).map(a -> a < axis ? a : a == axis ? rank - 1 : a - 1).toArray();
    return permute(x, order);
  }

  Expr broadcast(Expr x, Shape to) {
    return x.shape.equals(to) ? x : op(new Broadcast(to), x);
  }

  /** An op on two inputs that are repeated to one shape first. */
  Expr binary(Op op, Expr a, Expr b) {
    Shape common = Broadcast.common(op.name(), a.shape, b.shape);
    return op(op, broadcast(a, common), broadcast(b, common));
  }

  Expr activate(Activation f, Expr x) {
    return activate(Pointwise.of(f), x);
  }

  Expr activate(Pointwise f, Expr x) {
    return op(new Activate(f), x);
  }

  /** {@code factor x + shift}; two in a row become one. */
  Expr affine(Expr x, double factor, double shift) {
    if (factor == 1 && shift == 0) {
      return x;
    }
    if (x.op instanceof Activate(Elementary(Elementary.Kind kind, double a, double b))
        && kind == Elementary.Kind.AFFINE) {
      return affine(x.input(), factor * a, factor * b + shift);
    }
    return activate(Elementary.affine(factor, shift), x);
  }

  Expr concat(List<Expr> parts, int axis) {
    return parts.size() == 1 ? parts.getFirst() : op(new Concat(axis), parts);
  }
}
