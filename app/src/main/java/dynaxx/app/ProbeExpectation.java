package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;
import dynaxx.onnx.OnnxModel;
import java.util.Locale;

/** Compares a model's outputs with those of the framework that it comes from. */
final class ProbeExpectation {

  private static final double TOLERANCE = 1e-3;
  private static final int AT_ONCE = 64;

  private ProbeExpectation() {}

  /**
   * Compares.
   *
   * @param model read exactly as it is
   * @param expected its outputs for all examples
   * @return what was found, for the report
   * @throws UserException if they differ
   */
  static String check(OnnxModel model, ProbeData data, ArrayFile expected, Device device) {
    Network network = model.network();
    Loss none = Loss.meanSquaredError();
    long each = network.outputShape().size();
    try (Scope scope = Scope.open()) {
      HostBuffer inputs = data.values(scope, model);
      int examples = data.examples(model);
      if (expected.size() != examples * each) {
        throw new UserException(
            expected.path()
                + ": found shape "
                + expected.shape()
                + ", expected "
                + examples
                + " outputs "
                + network.outputShape());
      }
      HostBuffer wanted = expected.values(scope);
      ProbeInputs.requireFinite(expected, wanted);
      Batch all = Batch.of(network, none, inputs, scope.allocate(examples * each));
      HostBuffer found = outputs(scope, model, none, all, device);
      return compare(expected, wanted, found, each);
    }
  }

  private static HostBuffer outputs(
      Scope scope, OnnxModel model, Loss loss, Batch all, Device device) {
    HostBuffer found = scope.allocate(all.targets().size());
    long each = found.size() / all.examples();
    int size = Math.min(AT_ONCE, all.examples());
    try (Tape tape = new Tape(model.network(), loss, device, size)) {
      Buffer point = device.place(scope, model.parameters(scope));
      Batch placed = all.on(device, scope);
      for (int from = 0; from < all.examples(); from += size) {
        int count = Math.min(size, all.examples() - from);
        tape.forward(point, placed.slice(from, count), count);
        HostBuffer part = found.slice(from * each, count * each);
        device.download(tape.output().slice(0, count * each), part.segment());
      }
    }
    return found;
  }

  private static String compare(
      ArrayFile expected, HostBuffer wanted, HostBuffer found, long each) {
    double largest = 0;
    double worst = 0;
    long at = 0;
    for (long i = 0; i < found.size(); i++) {
      double difference = Math.abs((double) wanted.get(i) - found.get(i));
      largest = Math.max(largest, Math.abs(wanted.get(i)));
      if (difference > worst || Double.isNaN(difference)) {
        worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
        at = i;
      }
    }
    if (!(worst <= TOLERANCE * largest)) {
      throw new UserException(
          String.format(
              Locale.ROOT,
              "--expect: found %.6g for value %d of example %d, expected %.6g as in %s; the model"
                  + " does not compute what it is compared with",
              found.get(at),
              at % each,
              at / each,
              wanted.get(at),
              expected.path()));
    }
    return String.format(Locale.ROOT, "outputs agree with %s within %.1e", expected.path(), worst);
  }
}
