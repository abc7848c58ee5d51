package dynaxx.onnx;

import dynaxx.layer.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * How a model is read. Start from {@link #DEFAULT} and change what should differ.
 *
 * @param parameters initializers whose whole name matches are parameters, the others constants;
 *     empty for all that reach the output differentiably
 * @param output name of the output that is the prediction; empty if there is only one
 * @param outputs the predictions, each flattened and one after the other, if there are several or
 *     more is to be said of them; then {@code output} and {@code logits} do not count
 * @param inputShape shape of one example, for files that leave extents open; empty if the file
 *     states them, or {@code inputs} do
 * @param inputs what is known of inputs by name, for models with several of them or with examples
 *     along another axis than the first
 * @param logits whether a softmax or log-softmax over the last axis at the very end is left out,
 *     for a loss that has its own
 * @param fused whether patterns such as LayerNorm, GELU and attention become one op each; the
 *     results are the same without, more slowly
 * @param padding whether the only row of zeros in a trained table of tokens has no derivative, as
 *     PyTorch's {@code padding_idx}, which ONNX does not keep; {@link OnnxModel#notes} tells of it
 * @param maximumBytes size of the largest model file that is read; weights in external files are
 *     mapped and may be larger
 */
public record OnnxOptions(
    Optional<Pattern> parameters,
    Optional<String> output,
    List<Output> outputs,
    Optional<Shape> inputShape,
    Map<String, Input> inputs,
    boolean logits,
    boolean fused,
    boolean padding,
    long maximumBytes) {

  /** All parameters, the only output, shapes as the file has them, at most 2 GiB. */
  public static final OnnxOptions DEFAULT =
      new OnnxOptions(
          Optional.empty(),
          Optional.empty(),
          List.of(),
          Optional.empty(),
          Map.of(),
          false,
          true,
          true,
          Integer.MAX_VALUE);

  /**
   * Copies the inputs.
   *
   * @param parameters names of parameters
   * @param output name of the output
   * @param outputs the predictions
   * @param inputShape shape of one example
   * @param inputs by name
   * @param logits whether a final softmax is left out
   * @param fused whether patterns become one op each
   * @param padding whether a row of zeros is padding
   * @param maximumBytes size limit
   */
  public OnnxOptions {
    outputs = List.copyOf(outputs);
    inputs = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(inputs));
  }

  /**
   * One of the predictions.
   *
   * @param name of the output; empty if there is only one
   * @param logits whether a softmax or log-softmax over the classes at the very end is left out
   * @param sigmoid whether a sigmoid at the very end is left out
   * @param classAxis the axis of the classes, which becomes the last, counted from 1 after that of
   *     the examples; empty if it is the last already
   */
  public record Output(String name, boolean logits, boolean sigmoid, OptionalInt classAxis) {}

  /**
   * The data of one input.
   *
   * @param array shape of its array, with all examples
   * @param axis of the examples in the array; empty for the one that the file leaves open, usually
   *     the first
   * @param shared its values, if all examples have the same and the array has no axis of examples
   */
  public record Input(Shape array, OptionalInt axis, Optional<float[]> shared) {

    /**
     * Examples along the axis that the file leaves open, or the first.
     *
     * @param array shape of the array
     * @return the input
     */
    public static Input of(Shape array) {
      return new Input(array, OptionalInt.empty(), Optional.empty());
    }

    /**
     * Examples along a given axis.
     *
     * @param array shape of the array
     * @param axis of the examples, from 0
     * @return the input
     */
    public static Input along(Shape array, int axis) {
      return new Input(array, OptionalInt.of(axis), Optional.empty());
    }

    /**
     * What stands for the name of an input where only its place is known.
     *
     * @param place in the order of the file, from 0, without those that initializers give
     * @return a name for {@link OnnxOptions#withInput}
     */
    public static String place(int place) {
      return "#" + place;
    }

    /**
     * One array for all examples.
     *
     * @param array its shape
     * @param values row-major; whole numbers as floats
     * @return the input
     */
    public static Input shared(Shape array, float... values) {
      return new Input(array, OptionalInt.empty(), Optional.of(values.clone()));
    }
  }

  /**
   * Fewer parameters.
   *
   * @param names pattern of the names that stay parameters
   * @return the changed options
   */
  public OnnxOptions withParameters(Pattern names) {
    return new OnnxOptions(
        Optional.of(names),
        output,
        outputs,
        inputShape,
        inputs,
        logits,
        fused,
        padding,
        maximumBytes);
  }

  /**
   * Another output.
   *
   * @param name of the output that is the prediction
   * @return the changed options
   */
  public OnnxOptions withOutput(String name) {
    return new OnnxOptions(
        parameters,
        Optional.of(name),
        outputs,
        inputShape,
        inputs,
        logits,
        fused,
        padding,
        maximumBytes);
  }

  /**
   * Several outputs, or more about one.
   *
   * @param predictions at least one
   * @return the changed options
   */
  public OnnxOptions withOutputs(List<Output> predictions) {
    return new OnnxOptions(
        parameters, output, predictions, inputShape, inputs, logits, fused, padding, maximumBytes);
  }

  /**
   * A stated shape.
   *
   * @param example shape of one example
   * @return the changed options
   */
  public OnnxOptions withInputShape(Shape example) {
    return new OnnxOptions(
        parameters,
        output,
        outputs,
        Optional.of(example),
        inputs,
        logits,
        fused,
        padding,
        maximumBytes);
  }

  /**
   * What is known of one input.
   *
   * @param name of the input in the file, or {@link Input#place}
   * @param input its data
   * @return the changed options
   */
  public OnnxOptions withInput(String name, Input input) {
    Map<String, Input> more = new LinkedHashMap<>(inputs);
    more.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(input, "input"));
    return new OnnxOptions(
        parameters, output, outputs, inputShape, more, logits, fused, padding, maximumBytes);
  }

  /**
   * Whether a final softmax is left out.
   *
   * @param wanted true for the values before it
   * @return the changed options
   */
  public OnnxOptions withLogits(boolean wanted) {
    return new OnnxOptions(
        parameters, output, outputs, inputShape, inputs, wanted, fused, padding, maximumBytes);
  }

  /**
   * Whether patterns become one op each.
   *
   * @param wanted false for plain ops only
   * @return the changed options
   */
  public OnnxOptions withFused(boolean wanted) {
    return new OnnxOptions(
        parameters, output, outputs, inputShape, inputs, logits, wanted, padding, maximumBytes);
  }

  /**
   * Whether a row of zeros in a table of tokens is padding.
   *
   * @param wanted false to differentiate by it as by the others
   * @return the changed options
   */
  public OnnxOptions withPadding(boolean wanted) {
    return new OnnxOptions(
        parameters, output, outputs, inputShape, inputs, logits, fused, wanted, maximumBytes);
  }

  /**
   * Another size limit.
   *
   * @param bytes size of the largest file that is read
   * @return the changed options
   */
  public OnnxOptions withMaximumBytes(long bytes) {
    return new OnnxOptions(
        parameters, output, outputs, inputShape, inputs, logits, fused, padding, bytes);
  }
}
