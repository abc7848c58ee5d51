package dynaxx.app;

import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Which examples of the files are measured. Of the others nothing is read. */
final class Selection {

  @Option(
      names = "--examples",
      paramLabel = "FROM:TO",
      description = "Measure these examples only, from 0, without the last. Default: all.")
  private String range;

  @Option(
      names = "--subset",
      paramLabel = "N",
      description = "Measure N of the examples, chosen at random by --seed. Default: all.")
  private Integer subset;

  private int from;
  private int to = Integer.MAX_VALUE;

  /** Before anything is read. */
  void check(CommandSpec spec) {
    Bounds.check(spec, "--subset", subset, 1, Integer.MAX_VALUE);
    if (range == null) {
      return;
    }
    String[] ends = range.split(":", -1);
    try {
      from = ends[0].isBlank() ? 0 : Integer.parseUnsignedInt(ends[0].strip());
      to = ends[1].isBlank() ? to : Integer.parseUnsignedInt(ends[1].strip());
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      to = -1;
    }
    if (ends.length != 2 || from >= to) {
      throw new ParameterException(
          spec.commandLine(), "--examples: found '" + range + "', expected FROM:TO, as in 0:4096");
    }
  }

  private boolean isAll() {
    return range == null && subset == null;
  }

  /**
   * The chosen examples of a file.
   *
   * @param examples of all files
   */
  ArrayFile of(ArrayFile file, int examples, long seed) {
    if (isAll()) {
      return file;
    }
    if (file.shape().isEmpty() || file.shape().getFirst() != examples) {
      throw new UserException(
          file.path()
              + ": found shape "
              + file.shape()
              + ", expected "
              + examples
              + " examples along the first axis for --examples and --subset");
    }
    return file.select(rows(examples, seed));
  }

  /** The numbers of the chosen examples in their file. */
  int[] numbers(int examples, long seed) {
    return isAll() ? IntStream.range(0, examples).toArray() : rows(examples, seed);
  }

  /** In the order of the files, so that those are read once from front to back. */
  private int[] rows(int examples, long seed) {
    int last = Math.min(to, examples);
    if (from >= last) {
      throw new UserException(
          "--examples: found " + range + " of " + examples + " examples, expected some of them");
    }
    int[] rows = IntStream.range(from, last).toArray();
    if (subset == null) {
      return rows;
    }
    if (subset > rows.length) {
      throw new UserException(
          "--subset: found " + subset + " of " + rows.length + " examples, expected at most those");
    }
    Random random = new Random(seed);
    for (int i = 0; i < subset; i++) {
      int j = i + random.nextInt(rows.length - i);
      int chosen = rows[j];
      rows[j] = rows[i];
      rows[i] = chosen;
    }
    int[] some = Arrays.copyOf(rows, subset);
    Arrays.sort(some);
    return some;
  }
}
