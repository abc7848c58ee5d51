package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.memory.HostBuffer;
import java.util.List;
import java.util.stream.Collectors;

/** Checks files of data against a model, in the words of somebody who has just exported it. */
final class ProbeInputs {

  private ProbeInputs() {}

  static void requireExamples(ArrayFile in) {
    if (in.shape().isEmpty()
        || in.size() == 0
        || in.shape().stream().anyMatch(d -> d > Integer.MAX_VALUE)) {
      throw new UserException(
          in.path()
              + ": found shape "
              + text(in.shape())
              + ", expected examples along the first"
              + " axis, and at most 2147483647 values along any");
    }
  }

  private static String text(List<Long> shape) {
    return shape.stream().map(String::valueOf).collect(Collectors.joining(" x ", "[", "]"));
  }

  static void requireFinite(ArrayFile file, HostBuffer values) {
    for (long i = 0; i < values.size(); i++) {
      if (!Float.isFinite(values.get(i))) {
        throw new UserException(
            file.path() + ": found " + values.get(i) + " at " + i + ", expected finite values");
      }
    }
  }
}
