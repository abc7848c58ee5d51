package dynaxx.onnx;

import dynaxx.layer.Shape;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How a model is read. Start from {@link #DEFAULT} and change what should differ.
 *
 * @param parameters initializers whose whole name matches are parameters, the others constants;
 *     empty for all that reach the output differentiably
 * @param output name of the output that is the prediction; empty if there is only one
 * @param inputShape shape of one example, for files that leave extents open; empty if the file
 *     states them
 * @param logits whether a softmax or log-softmax over the last axis at the very end is left out,
 *     for a loss that has its own
 * @param fused whether patterns such as LayerNorm, GELU and attention become one op each; the
 *     results are the same without, more slowly
 * @param maximumBytes size of the largest file that is read
 */
public record OnnxOptions(
    Optional<Pattern> parameters,
    Optional<String> output,
    Optional<Shape> inputShape,
    boolean logits,
    boolean fused,
    long maximumBytes) {

  /** All parameters, the only output, shapes as the file has them, at most 2 GiB. */
  public static final OnnxOptions DEFAULT =
      new OnnxOptions(
          Optional.empty(), Optional.empty(), Optional.empty(), false, true, Integer.MAX_VALUE);

  /**
   * Fewer parameters.
   *
   * @param names pattern of the names that stay parameters
   * @return the changed options
   */
  public OnnxOptions withParameters(Pattern names) {
    return new OnnxOptions(Optional.of(names), output, inputShape, logits, fused, maximumBytes);
  }

  /**
   * Another output.
   *
   * @param name of the output that is the prediction
   * @return the changed options
   */
  public OnnxOptions withOutput(String name) {
    return new OnnxOptions(parameters, Optional.of(name), inputShape, logits, fused, maximumBytes);
  }

  /**
   * A stated shape.
   *
   * @param example shape of one example
   * @return the changed options
   */
  public OnnxOptions withInputShape(Shape example) {
    return new OnnxOptions(parameters, output, Optional.of(example), logits, fused, maximumBytes);
  }

  /**
   * Whether a final softmax is left out.
   *
   * @param wanted true for the values before it
   * @return the changed options
   */
  public OnnxOptions withLogits(boolean wanted) {
    return new OnnxOptions(parameters, output, inputShape, wanted, fused, maximumBytes);
  }

  /**
   * Whether patterns become one op each.
   *
   * @param wanted false for plain ops only
   * @return the changed options
   */
  public OnnxOptions withFused(boolean wanted) {
    return new OnnxOptions(parameters, output, inputShape, logits, wanted, maximumBytes);
  }

  /**
   * Another size limit.
   *
   * @param bytes size of the largest file that is read
   * @return the changed options
   */
  public OnnxOptions withMaximumBytes(long bytes) {
    return new OnnxOptions(parameters, output, inputShape, logits, fused, bytes);
  }
}
