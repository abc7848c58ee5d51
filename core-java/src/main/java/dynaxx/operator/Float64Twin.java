package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.device.MemoryExhaustedException;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.BatchPlan;
import dynaxx.network.pass.OpConstants;
import dynaxx.network.pass.ParameterPieces;
import dynaxx.network.pass.Tape;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The same matrix recorded again in float64, for one quadratic form. Parameters, direction and
 * batch are widened in pieces, so that nothing in float64 grows with the number of parameters.
 */
final class Float64Twin {

  private final NetworkOperator operator;
  private final RecordedBatch recorded;
  private final Device exact;
  private final boolean compact;
  private final Buffer v;

  private Float64Twin(
      NetworkOperator operator, RecordedBatch recorded, Device exact, boolean compact, Buffer v) {
    this.operator = operator;
    this.recorded = recorded;
    this.exact = exact;
    this.compact = compact;
    this.v = v;
  }

  /** A part's share of {@code v'Av}. */
  interface Form {
    double of(Tape tape, Vectors v);
  }

  /** {@code v'Av} in float64, or nothing if the device has no float64 or the batch does not fit. */
  static OptionalDouble form(NetworkOperator operator, RecordedBatch recorded, Buffer v) {
    Optional<Device> exact = operator.device().float64();
    if (exact.isEmpty()) {
      return OptionalDouble.empty();
    }
    Network network = operator.network();
    Loss loss = operator.lossFunction();
    // Limits count four bytes a value, and these have eight.
    long memory = recorded.plan().memory();
    long oneExample = Tape.bytesPerExample(network, loss, true) + operator.tangentBytes();
    boolean whole = network.couplesExamples() || loss.couplesExamples();
    long least = whole ? operator.examples() * oneExample : oneExample;
    if (whole && 2 * least > memory) {
      return OptionalDouble.empty();
    }
    BatchPlan.Limits limits =
        new BatchPlan.Limits(Math.max(least, memory / 16), 0, 1, exact.get().records(), true);
    BatchPlan plan =
        BatchPlan.of(network, loss, operator.examples(), limits, operator.tangentBytes());
    Float64Twin twin = new Float64Twin(operator, recorded, exact.get(), plan.compact(), v);
    return OptionalDouble.of(twin.form(plan.part(), whole));
  }

  /** Where memory runs out, once more with smaller parts. */
  private double form(int most, boolean whole) {
    for (int part = most; ; part = Math.ceilDiv(part, 2)) {
      try {
        return sum(part);
      } catch (MemoryExhaustedException e) {
        if (whole || part == 1) {
          throw e;
        }
      }
    }
  }

  private double sum(int part) {
    Network network = operator.network();
    try (Scope work = Scope.open();
        Tape tape =
            new Tape(
                network,
                operator.lossFunction(),
                exact,
                part,
                new OpConstants(network, exact, work),
                compact);
        ParameterPieces parameters = ParameterPieces.of(network, exact, recorded.point());
        ParameterPieces direction = ParameterPieces.of(network, exact, v);
        ParameterPieces gradient = ParameterPieces.discarding(network, exact)) {
      Form form = operator.form(exact, part, work);
      double sum = 0;
      for (int from = 0; from < operator.examples(); from += part) {
        Batch some = recorded.batch().slice(from, Math.min(part, operator.examples() - from));
        try (Scope temporary = Scope.open()) {
          record(tape, parameters, gradient, placed(some, temporary));
          sum += form.of(tape, Vectors.of(direction, 1, direction.size()));
        }
      }
      return sum;
    }
  }

  private void record(Tape tape, Buffer parameters, Buffer gradient, Batch some) {
    tape.submitForward(parameters, some, operator.examples());
    if (operator.usesAdjoints()) {
      tape.backward(gradient);
    }
    NonFiniteException.check("loss", tape.lossOfForward());
    RecordedBatch.requireResolved(operator.name(), exact, tape);
  }

  private Batch placed(Batch some, Scope temporary) {
    return new Batch(
        exact.place(temporary, some.inputs()),
        exact.place(temporary, some.targets()),
        some.examples());
  }
}
