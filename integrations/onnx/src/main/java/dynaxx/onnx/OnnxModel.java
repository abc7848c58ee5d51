package dynaxx.onnx;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Network;
import dynaxx.network.Parameter;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A network read from an ONNX file: an inference graph of operator sets 11 to 21 with one input,
 * whose first axis is that of the examples, each treated by itself.
 *
 * <p>Parameters are the float initializers that reach the output differentiably, in the order of
 * the file, each flattened row-major; running statistics of batch normalisation, exponents, limits
 * and everything that serves as a shape are constants, wherever else they are used, and so are
 * initializers that hold infinities. float16, bfloat16 and double values become float32. Immutable.
 */
public final class OnnxModel {

  private final Importer.Result result;
  private final List<String> constants;

  private OnnxModel(Importer.Result result) {
    this.result = result;
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
   * Reads a file as it stands.
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
   * Reads a file.
   *
   * @param file an ONNX model
   * @param options what is a parameter, which output counts, and so on
   * @return the model
   * @throws OnnxException if it cannot be read, is damaged, or holds something that is not
   *     supported
   */
  public static OnnxModel read(Path file, OnnxOptions options) {
    Objects.requireNonNull(options, "options");
    try {
      ModelFile content = ModelReader.read(file, options.maximumBytes());
      return new OnnxModel(new Importer(content, options).read());
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
    return result.input();
  }

  /**
   * Name of the output that is the prediction.
   *
   * @return as in the file
   */
  public String outputName() {
    return result.output();
  }

  /**
   * Whether the input consists of whole numbers, such as tokens; the network then takes them as one
   * axis.
   *
   * @return false for floats
   */
  public boolean takesIntegers() {
    return result.tokens();
  }

  /**
   * Number of examples that the file is fixed to. The network takes any number.
   *
   * @return the first extent of the input, or nothing if the file leaves it open
   */
  public OptionalLong statedExamples() {
    return result.examples() == Examples.OPEN
        ? OptionalLong.empty()
        : OptionalLong.of(result.examples());
  }

  /**
   * The softmax at the end that was left out because {@link OnnxOptions#logits} asked for it.
   *
   * @return a sentence for reports, or nothing if there was none
   */
  public Optional<String> leftOut() {
    return result.softmaxLeftOut()
        ? Optional.of("the softmax at the end is left to the loss")
        : Optional.empty();
  }

  @Override
  public String toString() {
    return "OnnxModel[" + network() + "]";
  }
}
