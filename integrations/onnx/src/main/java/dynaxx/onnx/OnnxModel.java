package dynaxx.onnx;

import dynaxx.device.Device;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A network read from an ONNX file: an inference graph of operator sets 7 to 25. One axis of each
 * input counts the examples, or the graph is that of one example. Each example is computed on its
 * own.
 *
 * <p>Parameters are the float initializers that the output depends on differentiably, in the order
 * of the file, each flattened row-major. Constants are running statistics of batch normalisation,
 * exponents, limits, and initializers that hold infinities. An initializer used as a shape anywhere
 * is constant everywhere. float16, bfloat16 and double values become float32. Immutable.
 */
public final class OnnxModel {

  private final Importer.Result result;
  private final Optional<Loss> loss;
  private final List<String> constants;

  private OnnxModel(Importer.Result result, Optional<Loss> loss) {
    this.result = result;
    this.loss = loss;
    this.constants =
        result.initializers().entrySet().stream()
            .filter(e -> e.getValue().isFloat() && !isParameter(e.getKey()))
            .map(java.util.Map.Entry::getKey)
            .toList();
  }

  private boolean isParameter(String name) {
    return network().parameters().stream().anyMatch(p -> p.name().equals(name));
  }

  /**
   * Reads a file for a loss. If the loss takes logits, as {@link Loss#crossEntropy} does, a softmax
   * or log-softmax at the end of the model is left out, so that it is not applied twice; for {@link
   * Loss#binaryCrossEntropy} a sigmoid.
   *
   * @param file an ONNX model
   * @param loss the loss to measure, which {@link #batch} and {@link #measure} then use
   * @return the model
   * @throws OnnxException if it cannot be read, is damaged, holds something that is not supported,
   *     or has a softmax near its end that cannot be left out
   */
  public static OnnxModel read(Path file, Loss loss) {
    return read(file, OnnxOptions.DEFAULT, loss);
  }

  /**
   * Reads a file for a loss.
   *
   * @param file an ONNX model
   * @param options what is a parameter, which output counts, and so on; {@link OnnxOptions#logits}
   *     is set as the loss needs it
   * @param loss the loss to measure
   * @return the model
   * @throws OnnxException as {@link #read(Path, Loss)}
   */
  public static OnnxModel read(Path file, OnnxOptions options, Loss loss) {
    Objects.requireNonNull(options, "options");
    OnnxOptions own = options.withLogits(loss.takesLogits());
    if (loss.takesBinaryLogits() && options.outputs().isEmpty()) {
      String name = options.output().orElse("");
      own =
          own.withOutputs(List.of(new OnnxOptions.Output(name, false, true, OptionalInt.empty())));
    }
    return read(file, own, Optional.of(loss));
  }

  /**
   * Reads a file exactly as it is, a softmax at its end included. To measure a loss, use {@link
   * #read(Path, Loss)}.
   *
   * @param file an ONNX model
   * @return the model
   * @throws OnnxException if it cannot be read, is damaged, or holds something that is not
   *     supported
   */
  public static OnnxModel read(Path file) {
    return read(file, OnnxOptions.DEFAULT);
  }

  /**
   * Reads a file without saying which loss follows. {@link OnnxOptions#logits} must then be set for
   * a loss that takes logits.
   *
   * @param file an ONNX model
   * @param options what is a parameter, which output counts, and so on
   * @return the model
   * @throws OnnxException if it cannot be read, is damaged, or holds something that is not
   *     supported
   */
  public static OnnxModel read(Path file, OnnxOptions options) {
    return read(file, Objects.requireNonNull(options, "options"), Optional.empty());
  }

  private static OnnxModel read(Path file, OnnxOptions options, Optional<Loss> loss) {
    try (ExternalFiles external = new ExternalFiles(file)) {
      ModelFile content = ModelReader.read(file, options.maximumBytes(), external);
      return new OnnxModel(result(content, options), loss);
    } catch (OnnxException e) {
      throw new OnnxException(file + ": " + e.getMessage(), e.getCause());
    } catch (RuntimeException e) {
      throw new OnnxException(file + ": found a graph that does not fit together" + said(e), e);
    } catch (StackOverflowError e) {
      throw new OnnxException(file + ": found a graph that is nested too deeply");
    } catch (OutOfMemoryError e) {
      throw new OnnxException(file + ": found a model that does not fit the Java heap");
    }
  }

  /**
   * Reads with the examples along the axis that the file leaves open, or the first; if all extents
   * are fixed and that mixes examples, along the only other axis that does not.
   */
  private static Importer.Result result(ModelFile content, OnnxOptions options) {
    try {
      return new Importer(content, options).read();
    } catch (OnnxException e) {
      List<OnnxOptions> others = otherAxes(content, options);
      List<Importer.Result> found = new ArrayList<>();
      for (OnnxOptions other : others) {
        try {
          found.add(new Importer(content, other).read());
        } catch (OnnxException ignored) {
          // the first refusal tells more
        }
      }
      if (found.size() == 1) {
        return found.getFirst();
      }
      throw e;
    }
  }

  private static List<OnnxOptions> otherAxes(ModelFile content, OnnxOptions options) {
    if (options.inputs().size() != 1) {
      return List.of();
    }
    var given = options.inputs().entrySet().iterator().next();
    Shape array = given.getValue().array();
    boolean open = given.getValue().axis().isEmpty() && given.getValue().shared().isEmpty();
    boolean fixed =
        content.graph().inputs().stream()
            .anyMatch(i -> i.dims() != null && i.dims().equals(longs(array)));
    if (!open || !fixed) {
      return List.of();
    }
    return IntStream.range(1, array.rank())
        .filter(a -> array.dim(a) > 1)
        .mapToObj(a -> options.withInput(given.getKey(), OnnxOptions.Input.along(array, a)))
        .toList();
  }

  private static List<Long> longs(Shape shape) {
    return shape.dims().stream().map(Integer::longValue).toList();
  }

  /** What our own checks say; a message of the JDK's would say nothing about the file. */
  private static String said(RuntimeException e) {
    return e instanceof IllegalArgumentException ? ": " + e.getMessage() : "";
  }

  /**
   * The network.
   *
   * @return its parameters are in the order of the file's initializers
   */
  public Network network() {
    return result.network();
  }

  /**
   * The parameters' values in the file.
   *
   * @param scope owns the memory
   * @return as many values as the network has parameters
   */
  public HostBuffer parameters(Scope scope) {
    HostBuffer values = scope.allocate(network().parameterCount());
    for (Parameter p : network().parameters()) {
      Tensor t = result.initializers().get(p.name());
      for (int i = 0; i < p.size(); i++) {
        values.set(p.offset() + i, t.number(i));
      }
    }
    return values;
  }

  /**
   * Examples and targets for this model and its loss.
   *
   * @param inputs whole examples, one after the other
   * @param targets as many targets, as the loss takes them
   * @return the batch, over the same memory
   * @throws IllegalStateException if the model was read without a loss
   * @throws IllegalArgumentException naming the argument, what was found and what was expected
   */
  public Batch batch(HostBuffer inputs, HostBuffer targets) {
    return Batch.of(network(), loss(), inputs, targets);
  }

  /**
   * Measures the loss's curvature at the parameters of the file. To measure more than once, make a
   * {@link CurvatureProbe} of {@link #network} and {@link #loss}.
   *
   * @param batch examples and targets, from {@link #batch}
   * @param settings what to measure
   * @param device where to compute
   * @return the snapshot
   * @throws IllegalStateException if the model was read without a loss
   */
  public Snapshot measure(Batch batch, ProbeSettings settings, Device device) {
    try (Scope scope = Scope.open();
        CurvatureProbe probe = new CurvatureProbe(network(), loss(), batch, device)) {
      return probe.measure(parameters(scope), settings);
    }
  }

  /**
   * The loss that the model was read for.
   *
   * @return the loss
   * @throws IllegalStateException if the model was read without one
   */
  public Loss loss() {
    return loss.orElseThrow(
        () ->
            new IllegalStateException(
                "loss: found none, expected one that was given to OnnxModel.read"));
  }

  /**
   * Float initializers that are not parameters.
   *
   * @return their names, in the order of the file
   */
  public List<String> constants() {
    return constants;
  }

  /**
   * Name of the input.
   *
   * @return as in the file
   */
  public String inputName() {
    return inputNames().getFirst();
  }

  /**
   * Names of the inputs that differ from example to example.
   *
   * @return as in the file, in its order
   */
  public List<String> inputNames() {
    return result.inputs().data().stream().map(Inputs.Place::name).toList();
  }

  /**
   * What {@link OnnxOptions#inputs} knew an input by: its name or its place.
   *
   * @param name of an input that differs from example to example
   * @return the key, or nothing if the options did not have it
   * @throws IllegalArgumentException if there is none of this name
   */
  public Optional<String> optionOf(String name) {
    return Optional.ofNullable(place(name).key());
  }

  /**
   * The axis of an input's array along which the examples lie.
   *
   * @param name of an input that differs from example to example
   * @return from 0
   * @throws IllegalArgumentException if there is none of this name
   */
  public int axisOfExamples(String name) {
    return place(name).arrayAxis();
  }

  private Inputs.Place place(String name) {
    return result.inputs().data().stream()
        .filter(p -> p.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "input: found '" + name + "', expected one of " + inputNames()));
  }

  /**
   * Puts the arrays of the inputs together as the network takes them: example by example, and in an
   * example one input after the other.
   *
   * @param scope owns the memory
   * @param arrays one for each of {@link #inputNames}, whole examples, row-major, with the examples
   *     along {@link #axisOfExamples}
   * @return the inputs of a batch
   * @throws IllegalArgumentException if the arrays hold different numbers of examples
   */
  public HostBuffer inputs(Scope scope, List<HostBuffer> arrays) {
    List<Inputs.Place> places = result.inputs().data();
    if (arrays.size() != places.size()) {
      throw new IllegalArgumentException(
          "arrays: found " + arrays.size() + ", expected one for each of " + inputNames());
    }
    long examples = arrays.getFirst().size() / places.getFirst().size();
    long each = network().inputShape().size();
    for (int i = 0; i < places.size(); i++) {
      Inputs.Place p = places.get(i);
      if (examples == 0 || arrays.get(i).size() != examples * p.size()) {
        throw new IllegalArgumentException(
            "inputs: found "
                + arrays.get(i).size()
                + " values for '"
                + p.name()
                + "', expected "
                + (i == 0 ? "a multiple of " + p.size() : examples + " x " + p.size()));
      }
    }
    if (places.size() == 1 && places.getFirst().arrayAxis() == 0) {
      return arrays.getFirst();
    }
    HostBuffer all = scope.allocate(examples * each);
    for (int i = 0; i < places.size(); i++) {
      place(places.get(i), arrays.get(i), examples, all, each);
    }
    return all;
  }

  private static void place(
      Inputs.Place p, HostBuffer from, long examples, HostBuffer to, long each) {
    long inner = 1;
    for (int a = p.arrayAxis(); a < p.example().length; a++) {
      inner *= p.example()[a];
    }
    long outer = p.size() / inner;
    for (long o = 0; o < outer; o++) {
      for (long n = 0; n < examples; n++) {
        for (long i = 0; i < inner; i++) {
          float value = from.get((o * examples + n) * inner + i);
          to.set(n * each + p.start() + o * inner + i, value);
        }
      }
    }
  }

  /**
   * Name of the output that is the prediction.
   *
   * @return as in the file; several with commas between them
   */
  public String outputName() {
    return result.output();
  }

  /**
   * Shapes of the predictions, without the axis of the examples.
   *
   * @return one for each output; if there are several, the network gives them flattened, one after
   *     the other
   */
  public List<Shape> outputShapes() {
    return result.shapes();
  }

  /**
   * Whether the input consists of whole numbers, such as tokens; the network then takes them as one
   * axis.
   *
   * @return false for floats
   */
  public boolean takesIntegers() {
    return result.inputs().tokens();
  }

  /**
   * Whether an input consists of whole numbers.
   *
   * @param name of an input that differs from example to example
   * @return false for floats
   * @throws IllegalArgumentException if there is none of this name
   */
  public boolean takesIntegers(String name) {
    return StoredTensor.isWhole(place(name).info().type());
  }

  /**
   * Number of examples that the file is fixed to. The network takes any number.
   *
   * @return the extent of the axis of examples, 1 if there is none, or nothing if it is open
   */
  public OptionalLong statedExamples() {
    long count = result.inputs().count();
    return count == Examples.OPEN ? OptionalLong.empty() : OptionalLong.of(count);
  }

  /**
   * The softmax or sigmoid at the end that was left out, for a loss that takes logits.
   *
   * @return a sentence for reports, or nothing if there was none
   */
  public Optional<String> leftOut() {
    return Optional.of(result.leftOut())
        .filter(what -> !what.isEmpty())
        .map(what -> "the " + what + " at the end is left to the loss");
  }

  /**
   * What was understood of the file without being stated in it.
   *
   * @return sentences for reports
   */
  public List<String> notes() {
    Stream<String> axes =
        result.inputs().data().stream()
            .filter(p -> p.arrayAxis() > 0)
            .map(p -> "examples lie along axis " + p.arrayAxis() + " of '" + p.name() + "'");
    return Stream.of(leftOut().stream(), axes, result.notes().stream())
        .flatMap(Function.identity())
        .toList();
  }

  @Override
  public String toString() {
    return "OnnxModel[" + network() + "]";
  }
}
