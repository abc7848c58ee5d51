package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.network.op.Add;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.SelectToken;
import dynaxx.network.op.Subtract;
import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Plain, LSTM and GRU layers, unrolled over the steps. Gates that lie together in a parameter, in
 * whatever order, are computed by one layer.
 */
final class Recurrence {

  /** Kinds of layers with their number of gates and their default functions. */
  private enum Kind {
    RNN(1, "Tanh"),
    GRU(3, "Sigmoid", "Tanh"),
    LSTM(4, "Sigmoid", "Tanh", "Tanh");

    private final int gates;
    private final List<String> functions;

    Kind(int gates, String... functions) {
      this.gates = gates;
      this.functions = List.of(functions);
    }
  }

  static void register(Map<String, Operator> operators) {
    for (Kind kind : Kind.values()) {
      operators.put(
          kind.name(), call -> Lift.over(call, axes(call), c -> new Recurrence(c, kind).apply()));
    }
  }

  /** Axes of the examples of input, weights, biases, lengths and initial states. */
  private static int[] axes(Call c) {
    boolean first = c.whole("layout", 0) != 0;
    int states = first ? 0 : 1;
    return new int[] {states, -1, -1, -1, 0, states, states};
  }

  private final Call c;
  private final Draft draft;
  private final Kind kind;
  private final int hidden;
  private final int directions;
  private final boolean batchFirst;
  private final Expr x;
  private final int steps;

  private Recurrence(Call c, Kind kind) {
    this.c = c;
    this.draft = c.draft();
    this.kind = kind;
    Value input = c.in(0);
    batchFirst = c.whole("layout", 0) != 0;
    c.require(
        input.rank() == 3 && input.batch() == (batchFirst ? 0 : 1) && input.merged() == 1,
        "an input " + c.examples().text(input.dims()),
        batchFirst ? "[examples x steps x values]" : "[steps x examples x values]");
    x = draft.expr(input.body());
    steps = x.shape.dim(0);
    Value state = c.in(2);
    c.require(state.rank() == 3 && state.isShared(), "state weights " + state, "[d x rows x n]");
    hidden = Math.toIntExact(state.dims()[2]);
    directions = Math.toIntExact(state.dims()[0]);
    checkSettings(c.in(1), state);
  }

  private void checkSettings(Value w, Value r) {
    long rows = (long) kind.gates * hidden;
    boolean fits =
        w.rank() == 3
            && w.isShared()
            && w.dims()[0] == directions
            && w.dims()[1] == rows
            && r.dims()[1] == rows
            && w.dims()[2] == x.shape.dim(1);
    c.require(
        fits,
        "weights " + Arrays.toString(w.dims()) + " and " + Arrays.toString(r.dims()),
        "[%d x %d x %d] and [%d x %d x %d]"
            .formatted(directions, rows, x.shape.dim(1), directions, rows, hidden));
    String direction = c.text("direction", "forward");
    c.require(
        directions == (direction.equals("bidirectional") ? 2 : 1),
        directions + " directions for direction " + direction,
        "two for bidirectional, else one");
    c.require(!c.hasAttribute("clip"), "a clip", "none");
    c.require(c.whole("input_forget", 0) == 0, "coupled gates", "input_forget 0");
  }

  /**
   * Where an example still has steps, 1, else 0; null if all have. Beyond its end the state stays
   * as it is and the output is 0.
   */
  private Expr within(int step) {
    if (!c.has(4)) {
      return null;
    }
    Value lengths = c.examples().along(c.in(4), 0);
    if (lengths.body() instanceof Tensor t && t.allSame()) {
      c.require(
          t.whole(0) >= 0 && t.whole(0) <= steps,
          "a sequence length " + t.whole(0),
          "at most " + steps);
      return t.whole(0) > step ? null : draft.constant(Tensor.of(new long[] {hidden}, 0f));
    }
    Expr length = draft.numbers(lengths.body()).reshape(new long[] {1});
    return draft.broadcast(Steps.above(length, step), dynaxx.layer.Shape.of(hidden));
  }

  private List<Value> apply() {
    List<List<Expr>> outputs = new ArrayList<>();
    List<Expr> last = new ArrayList<>();
    List<Expr> lastCells = new ArrayList<>();
    for (int d = 0; d < directions; d++) {
      boolean reverse = d == 1 || c.text("direction", "forward").equals("reverse");
      Direction direction = new Direction(d);
      List<Expr> states = direction.run(reverse);
      last.add(direction.h);
      lastCells.add(direction.cell);
      if (reverse) {
        Collections.reverse(states);
      }
      outputs.add(states);
    }
    List<Value> values = new ArrayList<>();
    values.add(sequence(outputs));
    values.add(state(last));
    if (kind == Kind.LSTM) {
      values.add(state(lastCells));
    }
    return values;
  }

  /** [steps x directions x examples x hidden], or with the examples first. */
  private Value sequence(List<List<Expr>> outputs) {
    List<Expr> all =
        IntStream.range(0, steps)
            .boxed()
            .flatMap(t -> outputs.stream().map(states -> states.get(t)))
            .toList();
    Expr y = draft.concat(all, 0).reshape(new long[] {steps, directions, hidden});
    return Value.batched(y, batchFirst ? 0 : 2, c.examples().count());
  }

  /** [directions x examples x hidden], or with the examples first. */
  private Value state(List<Expr> states) {
    Expr all = draft.concat(states, 0).reshape(new long[] {directions, hidden});
    return Value.batched(all, batchFirst ? 0 : 1, c.examples().count());
  }

  private Pointwise function(int direction, int which) {
    ModelFile.Attribute names = c.raw("activations");
    int at = direction * kind.functions.size() + which;
    boolean given = names != null && !names.texts().isEmpty();
    c.require(!given || at < names.texts().size(), "too few activations", "one for each gate");
    c.require(
        !c.hasAttribute("activation_alpha") && !c.hasAttribute("activation_beta"),
        "activations with constants",
        "none");
    String name = given ? names.texts().get(at) : kind.functions.get(which);
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "sigmoid" -> Pointwise.of(Activation.SIGMOID);
      case "tanh" -> Pointwise.of(Activation.TANH);
      case "relu" -> Pointwise.of(Activation.RELU);
      case "softplus" -> Pointwise.of(Activation.SOFTPLUS);
      case "softsign" -> Elementary.SOFTSIGN;
      case "hardsigmoid" -> Elementary.hardSigmoid(0.2, 0.5);
      case "leakyrelu" -> Elementary.leakyRelu(0.01);
      case "elu" -> Elementary.elu(1);
      default ->
          throw new OnnxException(
              "activation: found '"
                  + name
                  + "', expected Sigmoid, Tanh, Relu, Softplus, Softsign,"
                  + " HardSigmoid, LeakyRelu or Elu");
    };
  }

  /** One direction of the layer. */
  private final class Direction {

    private final Gates input;
    private final Gates state;
    private final Pointwise[] f;
    private final Expr peepholes;
    private Expr h;
    private Expr cell;

    Direction(int d) {
      input = new Gates(part(c.in(1), d), bias(d, 0));
      state = new Gates(part(c.in(2), d), bias(d, 1));
      f = new Pointwise[kind.functions.size()];
      Arrays.setAll(f, i -> function(d, i));
      h = initial(5, d);
      cell = kind == Kind.LSTM ? initial(6, d) : null;
      boolean sees = kind == Kind.LSTM && c.has(7);
      boolean none = sees && c.in(7).body() instanceof Tensor t && t.allZero();
      peepholes = sees && !none ? draft.expr(part(c.in(7), d).body()) : null;
    }

    private Value part(Value all, int d) {
      return c.examples().squeeze(c.examples().slice(all, 0, d, 1, 1), 0);
    }

    private Value bias(int d, int half) {
      if (!c.has(3)) {
        return null;
      }
      long rows = (long) kind.gates * hidden;
      c.require(
          Arrays.equals(c.in(3).dims(), new long[] {directions, 2 * rows}),
          "biases " + Arrays.toString(c.in(3).dims()),
          "[" + directions + " x " + 2 * rows + "]");
      Value own = part(c.in(3), d);
      return c.examples().slice(own, 0, half * rows, rows, 1);
    }

    private Expr initial(int i, int d) {
      Tensor zeros = Tensor.of(new long[] {hidden}, 0f);
      if (!c.has(i) || c.in(i).body() instanceof Tensor t && t.allZero()) {
        return draft.constant(zeros);
      }
      Value given = c.examples().along(c.in(i), batchFirst ? 0 : 1);
      c.require(
          given.rank() == 3 && given.body().dims()[0] == directions,
          "an initial state " + c.examples().text(given.dims()),
          "one for each direction");
      return draft.expr(given.body()).slice(0, d, 1, 1).reshape(new long[] {hidden});
    }

    List<Expr> run(boolean reverse) {
      List<Expr> gx = input.of(x);
      List<Expr> states = new ArrayList<>();
      for (int i = 0; i < steps; i++) {
        int t = reverse ? steps - 1 - i : i;
        Expr before = h;
        Expr cellBefore = cell;
        List<Expr> now = gx.stream().map(all -> draft.op(new SelectToken(t), all)).toList();
        switch (kind) {
          case RNN -> h = draft.activate(f[0], sum(input.gate(now, 0), state.of(h, 0)));
          case LSTM -> lstm(now);
          case GRU -> gru(now);
        }
        Expr within = within(t);
        if (within == null) {
          states.add(h);
          continue;
        }
        h = draft.where(within, h, before);
        cell = cell == null ? null : draft.where(within, cell, cellBefore);
        states.add(draft.where(within, h, draft.affine(h, 0, 0)));
      }
      return states;
    }

    private void lstm(List<Expr> gx) {
      List<Expr> gh = state.of(h);
      Expr in = activated(0, seeing(sum(input.gate(gx, 0), state.gate(gh, 0)), 0));
      Expr forget = activated(0, seeing(sum(input.gate(gx, 2), state.gate(gh, 2)), 2));
      Expr news = activated(1, sum(input.gate(gx, 3), state.gate(gh, 3)));
      cell = sum(product(forget, cell), product(in, news));
      Expr out = activated(0, seeing(sum(input.gate(gx, 1), state.gate(gh, 1)), 1));
      h = product(out, activated(2, cell));
    }

    /** With what a gate sees of the cell through its peephole (Gers and Schmidhuber, 2000). */
    private Expr seeing(Expr gate, int which) {
      return peepholes == null
          ? gate
          : sum(gate, product(peepholes.slice(0, (long) which * hidden, hidden, 1), cell));
    }

    private void gru(List<Expr> gx) {
      boolean afterwards = c.whole("linear_before_reset", 0) != 0;
      List<Expr> gh = afterwards ? state.of(h) : null;
      Expr hz = afterwards ? state.gate(gh, 0) : state.of(h, 0);
      Expr hr = afterwards ? state.gate(gh, 1) : state.of(h, 1);
      Expr z = activated(0, sum(input.gate(gx, 0), hz));
      Expr r = activated(0, sum(input.gate(gx, 1), hr));
      Expr reset = afterwards ? product(r, state.gate(gh, 2)) : state.of(product(r, h), 2);
      Expr news = activated(1, sum(input.gate(gx, 2), reset));
      h = sum(news, product(z, draft.op(new Subtract(), h, news)));
    }

    private Expr activated(int which, Expr e) {
      return draft.activate(f[which], e);
    }

    private Expr sum(Expr a, Expr b) {
      return draft.op(new Add(), a, b);
    }

    private Expr product(Expr a, Expr b) {
      return draft.op(new Multiply(), a, b);
    }
  }

  /** The linear maps of all gates: one for all if they lie together, else one for each. */
  private final class Gates {

    /** Of each gate, in x out. */
    private final List<Value> turned;

    private final List<Value> biases;

    /** Where each gate is in the map of all, or null if there is one for each. */
    private final int[] order;

    private final Value all;
    private final Value allBiases;

    Gates(Value weight, Value bias) {
      List<Value> weights = cut(weight);
      biases = bias == null ? null : cut(bias);
      int[] found = c.fused() ? order(weights) : null;
      boolean same = found != null && (bias == null || Arrays.equals(found, order(biases)));
      order = same ? found : null;
      all = same ? turned(together(weights, found)) : null;
      turned = weights.stream().map(this::turned).toList();
      allBiases = same && bias != null ? together(biases, found) : null;
    }

    private Value turned(Value weight) {
      return c.examples().transpose(weight, new int[] {1, 0});
    }

    private List<Value> cut(Value rows) {
      return IntStream.range(0, kind.gates)
          .mapToObj(g -> c.examples().slice(rows, 0, (long) g * hidden, hidden, 1))
          .toList();
    }

    /** Positions of blocks of one parameter that make up a whole, or null. */
    private int[] order(List<Value> blocks) {
      if (!blocks.stream().allMatch(b -> b.body() instanceof Weight.View)) {
        return null;
      }
      List<Weight.View> views = blocks.stream().map(b -> (Weight.View) b.body()).toList();
      Weight.View first = views.getFirst();
      long step = hidden * first.strides()[0];
      long base = views.stream().mapToLong(Weight.View::offset).min().orElseThrow();
      int[] found = new int[views.size()];
      for (int g = 0; g < found.length; g++) {
        Weight.View v = views.get(g);
        boolean fits =
            v.parameter() == first.parameter()
                && Arrays.equals(v.strides(), first.strides())
                && step != 0
                && (v.offset() - base) % step == 0;
        if (!fits) {
          return null;
        }
        found[g] = Math.toIntExact((v.offset() - base) / step);
      }
      int[] sorted = Arrays.stream(found).sorted().toArray();
      return Arrays.equals(sorted, IntStream.range(0, found.length).toArray()) ? found : null;
    }

    private Value together(List<Value> blocks, int[] found) {
      int first = IntStream.range(0, found.length).filter(g -> found[g] == 0).sum();
      Weight.View v = (Weight.View) blocks.get(first).body();
      long[] dims = Dims.with(v.dims(), 0, (long) hidden * found.length);
      return Value.shared(new Weight.View(v.draft(), v.parameter(), v.offset(), dims, v.strides()));
    }

    /** All gates of a sequence or a state: one expression, or one for each. */
    List<Expr> of(Expr e) {
      return order != null
          ? List.of(map(e, all, allBiases))
          : IntStream.range(0, kind.gates).mapToObj(g -> of(e, g)).toList();
    }

    /** One gate alone. */
    Expr of(Expr e, int gate) {
      return map(e, turned.get(gate), biases == null ? null : biases.get(gate));
    }

    /** One gate of all. */
    Expr gate(List<Expr> found, int gate) {
      return order == null
          ? found.get(gate)
          : found.getFirst().slice(0, (long) order[gate] * hidden, hidden, 1);
    }

    private Expr map(Expr e, Value matrix, Value bias) {
      long examples = c.examples().count();
      Value input = Value.batched(e, 0, examples);
      Value product = Products.matmul(c, input, matrix);
      boolean none = bias == null || bias.isConstant() && ((Tensor) bias.body()).allZero();
      Value sum = none ? product : Elementwise.binary(c, Arithmetic.ADD, product, bias);
      return draft.expr(sum.body());
    }
  }
}
