package dynaxx.network.op;

import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.network.op.Operand.Fixed;
import dynaxx.network.op.Operand.View;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The operands of an op as a frame holds them: run i of what there is for each direction, else one
 * run.
 *
 * @param weight parameter or constant
 * @param bias in reading order, or null for none; constant if the weight is
 */
record Operands(Operand weight, Operand bias) {

  Operands {
    check(weight, bias);
  }

  /** Refuses a weight and a bias that do not go together. */
  static void check(Operand weight, Operand bias) {
    Objects.requireNonNull(weight, "weight");
    if (bias != null && (!bias.rowMajor() || weight instanceof Fixed && bias instanceof View)) {
      throw new IllegalArgumentException(
          "bias: "
              + bias
              + " beside a weight: "
              + weight
              + ", expected values in reading order, and constant ones for a constant weight");
    }
  }

  /** Whether there is anything to train. */
  boolean trained() {
    return weight instanceof View;
  }

  List<Parameter> parameters() {
    return Stream.of(weight, bias == null ? weight : bias)
        .filter(View.class::isInstance)
        .map(o -> ((View) o).parameter())
        .distinct()
        .toList();
  }

  List<float[]> constants() {
    return (bias == null ? Stream.of(weight) : Stream.of(weight, bias))
        .filter(Fixed.class::isInstance)
        .map(o -> ((Fixed) o).values())
        .toList();
  }

  void checkBias(Op op, int values) {
    if (bias != null && bias.shape().size() != values) {
      throw new IllegalArgumentException(
          op.name() + ": " + bias + ", expected " + values + " values");
    }
  }

  Strided w(Frame f) {
    return primal(f, weight, 0);
  }

  /** The bias, or null for none. */
  Strided b(Frame f) {
    return bias == null ? null : primal(f, bias, trained() ? 0 : 1);
  }

  private static Strided primal(Frame f, Operand operand, int constant) {
    return switch (operand) {
      case View v -> new Strided(f.w(v.parameter()), v.offset(), 0);
      case Fixed c -> Strided.of(f.constant(constant));
    };
  }

  Strided dw(Frame f) {
    return gradient(f, weight);
  }

  /** The bias's gradient, or null if it has none. */
  Strided db(Frame f) {
    return gradient(f, bias);
  }

  Strided rw(Frame f) {
    return weight instanceof View v ? within(f.rw(v.parameter()), v) : null;
  }

  /** The bias's directions, or null if it has none. */
  Strided rb(Frame f) {
    return bias instanceof View v ? within(f.rw(v.parameter()), v) : null;
  }

  Strided rdw(Frame f) {
    return weight instanceof View v ? within(f.rdw(v.parameter()), v) : null;
  }

  /** Tangents of the bias's gradient, or null if it has none. */
  Strided rdb(Frame f) {
    return bias instanceof View v ? within(f.rdw(v.parameter()), v) : null;
  }

  private static Strided gradient(Frame f, Operand operand) {
    return operand instanceof View v ? new Strided(f.dw(v.parameter()), v.offset(), 0) : null;
  }

  private static Strided within(Strided runs, View v) {
    return new Strided(runs.buffer(), runs.offset() + v.offset(), runs.stride());
  }
}
