package dynaxx.app;

import dynaxx.app.data.NpyFile;
import dynaxx.app.io.UserException;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.onnx.OnnxModel;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Checks files of data against a model, in the words of somebody who has just exported it. */
final class ProbeInputs {

  private ProbeInputs() {}

  static void requireExamples(NpyFile in) {
    if (in.shape().isEmpty() || in.size() == 0 || in.shape().getFirst() > Integer.MAX_VALUE) {
      throw new UserException(
          in.path()
              + ": found shape "
              + text(in.shape())
              + ", expected examples along the first"
              + " axis");
    }
    in.shape().forEach(Math::toIntExact);
  }

  private static String text(List<Long> shape) {
    return shape.stream().map(String::valueOf).collect(Collectors.joining(" x ", "[", "]"));
  }

  static Batch batch(Scope scope, OnnxModel model, Loss loss, ProbeData data, NpyFile wanted) {
    Network network = model.network();
    HostBuffer x = data.values(scope, model);
    requireTargets(network, loss, wanted, data.examples(model));
    HostBuffer y = wanted.values(scope);
    try {
      return Batch.of(network, loss, x, y);
    } catch (IllegalArgumentException e) {
      throw new UserException(name(e.getMessage(), data.first(model), wanted));
    }
  }

  private static String name(String message, NpyFile in, NpyFile wanted) {
    return message
        .replaceFirst("^inputs:", in.path() + ":")
        .replaceFirst("^targets:", wanted.path() + ":");
  }

  private static void requireTargets(Network network, Loss loss, NpyFile wanted, int examples) {
    Shape output = network.outputShape();
    boolean classes = loss.name().equals("cross-entropy");
    if (classes && output.rank() == 0) {
      throw new UserException(
          "--loss: found cross-entropy for a model with one number for each example, expected mse");
    }
    List<Integer> each = classes ? output.dims().subList(0, output.rank() - 1) : output.dims();
    List<Long> expected = new ArrayList<>(List.of((long) examples));
    each.forEach(d -> expected.add((long) d));
    if (holds(wanted.shape(), expected)) {
      return;
    }
    String shape = examples + each.stream().map(d -> " x " + d).collect(Collectors.joining());
    boolean oneHot = classes && wanted.size() == examples * output.size();
    throw new UserException(
        wanted.path()
            + ": found shape "
            + text(wanted.shape())
            + ", expected ["
            + shape
            + "]: "
            + (classes ? "a class number" : "a value")
            + " for each prediction of the "
            + examples
            + " examples"
            + (oneHot ? "; for one-hot targets save numpy.argmax(targets, axis=-1)" : ""));
  }

  /**
   * Whether an array has the values in the expected order: in that shape, with leading axes taken
   * together, or as a vector. As many values in another shape may be transposed ones.
   */
  private static boolean holds(List<Long> found, List<Long> expected) {
    List<Long> own = withoutOnes(found);
    List<Long> rest = withoutOnes(expected);
    while (rest.size() > own.size() && rest.size() > 1) {
      rest.set(0, rest.get(0) * rest.remove(1));
    }
    return own.equals(rest) && !found.isEmpty();
  }

  private static List<Long> withoutOnes(List<Long> shape) {
    return new ArrayList<>(shape.stream().filter(d -> d != 1).toList());
  }

  static void requireFinite(NpyFile file, HostBuffer values) {
    for (long i = 0; i < values.size(); i++) {
      if (!Float.isFinite(values.get(i))) {
        throw new UserException(
            file.path() + ": found " + values.get(i) + " at " + i + ", expected finite values");
      }
    }
  }
}
