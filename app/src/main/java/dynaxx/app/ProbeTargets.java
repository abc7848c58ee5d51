package dynaxx.app;

import dynaxx.app.LossOptions.Kind;
import dynaxx.app.data.ArrayFile;
import dynaxx.app.io.UserException;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.onnx.OnnxModel;
import dynaxx.onnx.OnnxOptions;
import dynaxx.onnx.OnnxOptions.Output;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The loss of a model's outputs and its targets, in the words of somebody who trains with them. */
final class ProbeTargets {

  private final LossOptions options;
  private final List<String> outputs;
  private final List<ArrayFile> files;
  private final ArrayFile exampleWeights;
  private final List<Integer> axes = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();

  /**
   * Opens nothing and reads nothing yet.
   *
   * @param outputs names, or none for the only one
   * @param files with the targets, one for each loss
   * @param exampleWeights of the examples, or null
   */
  ProbeTargets(
      LossOptions options, List<String> outputs, List<ArrayFile> files, ArrayFile exampleWeights) {
    this.options = options;
    this.outputs = outputs;
    this.files = files;
    this.exampleWeights = exampleWeights;
  }

  /** The axis of the classes in each output, after {@link #read}; null for the last one. */
  List<Integer> classAxes() {
    return Collections.unmodifiableList(axes);
  }

  List<String> notes() {
    return notes;
  }

  /**
   * Reads the model so that its classes lie along the last axis: they do, or as PyTorch has it in
   * images, along the first after the examples, which the shape of the targets tells.
   */
  OnnxModel read(Function<OnnxOptions, OnnxModel> reader, OnnxOptions from, ProbeData data) {
    for (int i = 0; i < files.size(); i++) {
      boolean given = options.classAxis() != null && kind(i).hasClasses();
      axes.add(given ? options.classAxis() : null);
    }
    OnnxModel model = reader.apply(with(from));
    boolean moved = false;
    for (int i = 0; i < files.size(); i++) {
      Shape output = model.outputShapes().get(i);
      if (kind(i) == Kind.CROSS_ENTROPY && axes.get(i) == null && output.rank() > 1) {
        int examples = data.examples(model);
        boolean last = holds(files.get(i).shape(), expected(Kind.CROSS_ENTROPY, output, examples));
        List<Integer> rest = new ArrayList<>(output.dims().subList(1, output.rank()));
        if (!last && holds(files.get(i).shape(), withExamples(rest, examples))) {
          axes.set(i, 1);
          moved = true;
          notes.add("classes lie along axis 1 of the output, as the targets' shape tells");
        }
      }
    }
    return moved ? reader.apply(with(from)) : model;
  }

  private Kind kind(int i) {
    return options.kinds().get(i);
  }

  private OnnxOptions with(OnnxOptions from) {
    List<Output> all = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      OptionalInt axis = axes.get(i) == null ? OptionalInt.empty() : OptionalInt.of(axes.get(i));
      all.add(
          new Output(
              outputs.isEmpty() ? "" : outputs.get(i),
              kind(i).hasClasses(),
              options.takesBinaryLogits(i),
              axis));
    }
    return from.withOutputs(all);
  }

  /**
   * What is measured, on its data.
   *
   * @param loss the loss, or the sum
   * @param batch examples and targets
   */
  record Objective(Loss loss, Batch batch) {}

  Objective objective(Scope scope, OnnxModel model, ProbeData data) {
    int examples = data.examples(model);
    HostBuffer x = data.values(scope, model);
    List<HostBuffer> given = new ArrayList<>();
    Loss loss = null;
    long from = 0;
    for (int i = 0; i < files.size(); i++) {
      Shape output = model.outputShapes().get(i);
      requireShape(i, output, examples);
      HostBuffer values = classesLast(scope, i, output, examples, files.get(i).values(scope));
      given.add(values);
      Loss own = loss(i, has(values, options.ignored()), data.first(model));
      Loss part = files.size() == 1 ? own : own.over(from, output);
      part = options.factor(i) == 1 ? part : part.times(options.factor(i));
      loss = loss == null ? part : loss.plus(1, part);
      from += output.size();
    }
    HostBuffer all = given.size() == 1 ? given.getFirst() : joined(scope, given, examples);
    HostBuffer weights = weights(scope, examples);
    try {
      HostBuffer targets = loss.targets(scope, model.network().outputShape(), all, weights);
      return new Objective(loss, Batch.of(model.network(), loss, x, targets));
    } catch (IllegalArgumentException e) {
      throw new UserException(named(e.getMessage(), data.first(model)));
    }
  }

  /** Where the classes lie in the output, if each prediction has a target for every class. */
  private OptionalInt softAxis(int i) {
    boolean moved = kind(i) == Kind.SOFT_CROSS_ENTROPY && axes.get(i) != null;
    return moved ? OptionalInt.of(axes.get(i)) : OptionalInt.empty();
  }

  /** The shape of an example's targets as the files hold them: in the order of the output. */
  private Shape inFiles(int i, Shape output) {
    if (softAxis(i).isEmpty() || output.rank() == 0) {
      return output;
    }
    List<Integer> dims = new ArrayList<>(output.dims());
    int classes = dims.removeLast();
    dims.add(softAxis(i).getAsInt() - 1, classes);
    return new Shape(dims);
  }

  /** Distributions along another axis, as the network takes them. */
  private HostBuffer classesLast(
      Scope scope, int i, Shape output, int examples, HostBuffer values) {
    Shape held = inFiles(i, output);
    if (held.equals(output)) {
      return values;
    }
    int classes = output.dim(-1);
    List<Integer> after = held.dims().subList(softAxis(i).getAsInt(), held.rank());
    long inner = after.stream().mapToLong(d -> d).reduce(1, (a, b) -> a * b);
    HostBuffer moved = scope.allocate(values.size());
    for (long o = 0; o < examples * held.size() / (classes * inner); o++) {
      for (long c = 0; c < classes; c++) {
        for (long n = 0; n < inner; n++) {
          moved.set((o * inner + n) * classes + c, values.get((o * classes + c) * inner + n));
        }
      }
    }
    return moved;
  }

  private Loss loss(int i, boolean ignores, ArrayFile inputs) {
    try {
      return options.loss(i, ignores, exampleWeights != null);
    } catch (IllegalArgumentException e) {
      throw new UserException(named(e.getMessage(), inputs), e);
    }
  }

  private String named(String message, ArrayFile inputs) {
    String names = files.stream().map(f -> f.path().toString()).collect(Collectors.joining(", "));
    return message
        .replaceFirst("along the last axis$", "along the axis of the classes (--class-axis)")
        .replaceFirst("^inputs:", inputs.path() + ":")
        .replaceFirst("^targets:", names + ":")
        .replaceFirst("^example weights:", options.exampleWeights() + ":")
        .replaceFirst("^class weights:", "--class-weights:")
        .replaceFirst("^pos weights:", "--pos-weight:")
        .replaceFirst("^smoothing:", "--label-smoothing:")
        .replaceFirst("^(delta|beta):", "--delta:")
        .replaceFirst("^temperature:", "--temperature:")
        .replaceFirst("^reduction:", "--reduction and --example-weights:");
  }

  private HostBuffer weights(Scope scope, int examples) {
    ArrayFile file = exampleWeights;
    if (file == null) {
      return null;
    }
    if (file.size() != examples) {
      throw new UserException(
          file.path()
              + ": found shape "
              + text(file.shape())
              + ", expected a weight for each of "
              + examples
              + " examples");
    }
    return file.values(scope);
  }

  private static boolean has(HostBuffer values, float value) {
    for (long i = 0; i < values.size(); i++) {
      if (values.get(i) == value) {
        return true;
      }
    }
    return false;
  }

  /** The targets of each example one after the other. */
  private static HostBuffer joined(Scope scope, List<HostBuffer> parts, int examples) {
    long all = parts.stream().mapToLong(HostBuffer::size).sum();
    HostBuffer joined = scope.allocate(all);
    long at = 0;
    for (int e = 0; e < examples; e++) {
      for (HostBuffer part : parts) {
        long each = part.size() / examples;
        joined.slice(at, each).segment().copyFrom(part.slice(e * each, each).segment());
        at += each;
      }
    }
    return joined;
  }

  private static List<Long> withExamples(List<Integer> dims, int examples) {
    List<Long> all = new ArrayList<>(List.of((long) examples));
    dims.forEach(d -> all.add((long) d));
    return all;
  }

  /** The shape of targets. */
  private static List<Long> expected(Kind kind, Shape output, int examples) {
    List<Integer> dims = new ArrayList<>(output.dims());
    switch (kind) {
      case CROSS_ENTROPY -> {
        if (!dims.isEmpty()) {
          dims.removeLast();
        }
      }
      case GAUSSIAN -> {
        if (!dims.isEmpty()) {
          dims.set(dims.size() - 1, dims.getLast() / 2);
        }
      }
      case CONTRASTIVE -> dims.clear();
      default -> {
        // as many as predictions
      }
    }
    return withExamples(dims, examples);
  }

  private void requireShape(int i, Shape output, int examples) {
    ArrayFile wanted = files.get(i);
    boolean classes = kind(i) == Kind.CROSS_ENTROPY;
    if (kind(i).hasClasses() && output.rank() == 0) {
      throw new UserException(
          "--loss: found "
              + kind(i)
              + " for a model with one number for each example, expected"
              + " binary-cross-entropy or mse");
    }
    List<Long> expected = expected(kind(i), inFiles(i, output), examples);
    if (holds(wanted.shape(), expected)) {
      return;
    }
    boolean oneHot = classes && wanted.size() == examples * output.size();
    String what =
        switch (kind(i)) {
          case CROSS_ENTROPY -> "a class number for each prediction";
          case CONTRASTIVE -> "the number of a group for each";
          default -> "a value for each prediction";
        };
    throw new UserException(
        wanted.path()
            + ": found shape "
            + text(wanted.shape())
            + ", expected "
            + text(expected)
            + ": "
            + what
            + " of the "
            + examples
            + " examples"
            + (oneHot
                ? "; for one-hot targets save numpy.argmax(targets, axis=-1), for probabilities use"
                    + " --loss soft-cross-entropy"
                : ""));
  }

  private static String text(List<Long> shape) {
    return shape.stream().map(String::valueOf).collect(Collectors.joining(" x ", "[", "]"));
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
}
