package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import java.util.Optional;
import java.util.OptionalDouble;

/** The same matrix recorded again in float64, for one quadratic form. */
final class Float64Twin {

  private Float64Twin() {}

  /** {@code v'Av} in float64, or nothing if the device has no float64 or the batch does not fit. */
  static OptionalDouble form(NetworkOperator operator, RecordedBatch recorded, Buffer v) {
    Optional<Device> exact = operator.device().float64();
    if (exact.isEmpty()) {
      return OptionalDouble.empty();
    }
    // Limits count four bytes a value, and these have eight.
    long memory = recorded.plan().memory();
    long oneExample =
        Tape.bytesPerExample(operator.network(), operator.lossFunction()) + operator.tangentBytes();
    boolean whole =
        operator.network().couplesExamples() || operator.lossFunction().couplesExamples();
    long least = whole ? operator.examples() * oneExample : oneExample;
    if (whole && 2 * least > memory) {
      return OptionalDouble.empty();
    }
    Limits limits = new Limits(Math.max(least, memory / 16), 0, 1);
    Device device = operator.device();
    try (Scope temporary = Scope.open();
        NetworkOperator twin =
            operator.over(onHost(device, temporary, recorded.batch()), exact.get(), limits)) {
      twin.linearize(onHost(device, temporary, recorded.point()));
      Buffer widened = exact.get().upload(temporary, onHost(device, temporary, v).segment());
      return OptionalDouble.of(twin.quadraticForm(Vectors.of(widened, 1, v.size()))[0]);
    }
  }

  private static Batch onHost(Device device, Scope owner, Batch batch) {
    Buffer inputs = onHost(device, owner, batch.inputs());
    return new Batch(inputs, onHost(device, owner, batch.targets()), batch.examples());
  }

  private static HostBuffer onHost(Device device, Scope owner, Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host;
    }
    HostBuffer host = owner.allocate(buffer.size());
    device.download(buffer, host.segment());
    return host;
  }
}
