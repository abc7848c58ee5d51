package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import dynaxx.network.Network;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Operand.View;
import dynaxx.network.op.Step;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Ops that share elements of parameters with each other and with no other op, mostly one op alone.
 * The gradients of single examples are made group by group: a row for each example. A single linear
 * layer, whatever its weight is a view of, has its weight as out x in and then its bias there;
 * other groups have all their parameters one after the other.
 *
 * @param nodes the ops, in the order of the network
 * @param columns where each parameter starts in a row
 * @param size the length of a row
 * @param linear the op if it is a single linear layer, else null
 * @param tokens rows of the linear layer's input for one example, else 0
 */
record ParameterGroup(
    List<Integer> nodes, Map<Parameter, Long> columns, long size, Linear linear, int tokens) {

  /** How the products of two examples' gradients are made. */
  enum Method {
    /** Whichever takes less work. */
    CHEAPER,
    /** From inputs and adjoints of a linear layer, without gradients. */
    GHOST,
    /** From the gradients. */
    GRADIENTS
  }

  /** All groups of a network. */
  static List<ParameterGroup> of(Network network) {
    List<List<Integer>> found = new ArrayList<>();
    List<List<View>> trained = new ArrayList<>();
    for (int node = 1; node < network.steps().size(); node++) {
      List<View> own = new ArrayList<>(Operand.trained(network.steps().get(node).op()));
      if (own.isEmpty()) {
        continue;
      }
      List<Integer> nodes = new ArrayList<>();
      for (int i = found.size() - 1; i >= 0; i--) {
        if (overlap(trained.get(i), own)) {
          nodes.addAll(found.remove(i));
          own.addAll(trained.remove(i));
        }
      }
      nodes.add(node);
      nodes.sort(null);
      found.add(nodes);
      trained.add(own);
    }
    List<ParameterGroup> groups = new ArrayList<>();
    for (int i = 0; i < found.size(); i++) {
      groups.add(of(network, found.get(i), trained.get(i)));
    }
    return groups;
  }

  private static boolean overlap(List<View> some, List<View> others) {
    return some.stream().anyMatch(a -> others.stream().anyMatch(a::overlaps));
  }

  private static ParameterGroup of(Network network, List<Integer> nodes, List<View> own) {
    Map<Parameter, Long> columns = new LinkedHashMap<>();
    Step step = network.steps().get(nodes.getFirst());
    if (nodes.size() == 1
        && step.op() instanceof Linear l
        && (own.size() == 1 || !own.get(0).overlaps(own.get(1)))) {
      columns.put(own.getFirst().parameter(), 0L);
      long size = own.stream().mapToLong(v -> v.shape().size()).sum();
      return new ParameterGroup(nodes, columns, size, l, Math.toIntExact(step.shape().rows()));
    }
    long size = 0;
    for (View v : own) {
      if (columns.putIfAbsent(v.parameter(), size) == null) {
        size += v.parameter().size();
      }
    }
    return new ParameterGroup(List.copyOf(nodes), columns, size, null, 0);
  }

  long column(Parameter p) {
    return columns.get(p);
  }

  int out() {
    return linear.weight().shape().dim(0);
  }

  int in() {
    return linear.weight().shape().dim(1);
  }

  /** Whether the linear layer's bias trains. */
  boolean biased() {
    return linear.bias() instanceof View;
  }

  /** Values of one example that the products of a linear layer's gradients follow from. */
  long factors() {
    return (long) tokens * (in() + out());
  }

  /** Whether squared norms take less work and memory from t x t products of tokens. */
  boolean ghostNorms(Method method) {
    if (linear == null || method != Method.CHEAPER) {
      return linear != null && method == Method.GHOST;
    }
    double square = (double) in() * out();
    return (double) tokens * (in() + out()) < square && 2.0 * tokens * tokens < square;
  }

  /** Whether products of all pairs among N examples take less work from t x t products. */
  boolean ghostGram(Method method, int examples) {
    if (linear == null || method != Method.CHEAPER) {
      return linear != null && method == Method.GHOST;
    }
    double work = (double) tokens * tokens * (in() + out());
    return work < (double) in() * out() * (1 + (double) tokens / examples);
  }

  /** The linear layer's input. */
  Buffer input(Tape tape) {
    return tape.value(tape.network().steps().get(nodes.getFirst()).inputs()[0]);
  }

  /** Adjoint of the linear layer's output. */
  Buffer adjoint(Tape tape) {
    return tape.adjoint(nodes.getFirst());
  }

  /**
   * Writes the gradients of some examples' shares of the loss.
   *
   * @param tape holds adjoints
   * @param from first example
   * @param count how many
   * @param rows receives count x size values
   */
  void gradients(Tape tape, int from, int count, Buffer rows) {
    tape.device().algebra().fill(rows.slice(0, count * size), 0);
    if (linear != null) {
      linearGradients(tape, from, count, rows);
      return;
    }
    for (int node : nodes) {
      Op op = tape.network().steps().get(node).op();
      for (int i = 0; i < count; i++) {
        Buffer row = rows.slice(i * size, size);
        op.backward(
            new ExamplesFrame(tape, node, from + i, 1, p -> row.slice(column(p), p.size())));
      }
    }
  }

  /** All examples in one call, instead of a call for each. */
  private void linearGradients(Tape tape, int from, int count, Buffer rows) {
    Device device = tape.device();
    long xSize = (long) tokens * in();
    long ySize = (long) tokens * out();
    Matrix x = Matrix.of(input(tape), in()).at(from * xSize).batch(xSize, 0, 0);
    Matrix dy = Matrix.of(adjoint(tape), out()).at(from * ySize).batch(ySize, 0, 0);
    Matrix dw = Matrix.of(rows, in()).batch(size, 0, 0);
    device
        .kernels()
        .gemm()
        .multiply(out(), in(), tokens, 1, dy.t(), x, 0, dw, null, Members.of(count));
    if (biased()) {
      Strided db = new Strided(rows, linear.weight().shape().size(), size);
      Buffer adjoints = adjoint(tape).slice(from * ySize, count * ySize);
      device.kernels().rows().addColumnSums(count, tokens, out(), adjoints, ySize, out(), db);
    }
  }
}
