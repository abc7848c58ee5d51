package dynaxx.network.op;

import dynaxx.device.Device;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;

/**
 * What one op sees of the sweep it takes part in. Arrays of values have the examples as leading
 * axis, arrays of tangents the k directions before them; buffers may be longer than the arrays in
 * them. Which accessors hold something depends on the pass: adjoints from the backward pass on,
 * tangents in tangent passes only.
 */
public interface Frame {

  /**
   * Where to compute.
   *
   * @return the device that owns every buffer here
   */
  Device device();

  /**
   * Number of examples in the batch.
   *
   * @return b
   */
  int examples();

  /**
   * Number of directions in tangent passes.
   *
   * @return k
   */
  int directions();

  /**
   * Number of inputs.
   *
   * @return how many
   */
  int inputCount();

  /**
   * Shape of an input without the axis of examples.
   *
   * @param i which input
   * @return the shape
   */
  Shape inputShape(int i);

  /**
   * Shape of the output without the axis of examples.
   *
   * @return the shape
   */
  Shape outputShape();

  /**
   * An input.
   *
   * @param i which input
   * @return b x inputShape values
   */
  Buffer x(int i);

  /**
   * The output.
   *
   * @return b x outputShape values
   */
  Buffer y();

  /**
   * Whether an input depends on parameters. If not, it has no adjoint and no tangent.
   *
   * @param i which input
   * @return false for data
   */
  boolean active(int i);

  /**
   * Whether an input's adjoint already holds contributions of other ops, so that this op must add
   * to it. If not, the op writes it, whatever it holds.
   *
   * @param i which input
   * @return true to add
   */
  boolean adds(int i);

  /**
   * {@link #adds} as the factor of a product's destination.
   *
   * @param i which input
   * @return 1 to add, 0 to write
   */
  double beta(int i);

  /**
   * Whether an input's adjoint, or its tangent in a tangent pass, is in the array of the output's,
   * which an op that {@linkplain Op#passesAdjoint passes it on} then leaves as it is.
   *
   * @param i which input
   * @return false where the input has an array of its own
   */
  boolean passesOn(int i);

  /**
   * Adjoint of an active input.
   *
   * @param i which input
   * @return b x inputShape values
   */
  Buffer dx(int i);

  /**
   * Adjoint of the output.
   *
   * @return b x outputShape values
   */
  Buffer dy();

  /**
   * Tangent of an input.
   *
   * @param i which input
   * @return k x b x inputShape values, or null if the input is not active
   */
  Buffer rx(int i);

  /**
   * Tangent of the output.
   *
   * @return k x b x outputShape values
   */
  Buffer ry();

  /**
   * Tangent of an active input's adjoint.
   *
   * @param i which input
   * @return k x b x inputShape values
   */
  Buffer rdx(int i);

  /**
   * Tangent of the output's adjoint.
   *
   * @return k x b x outputShape values
   */
  Buffer rdy();

  /**
   * Values of a parameter.
   *
   * @param p one of the op's
   * @return its values
   */
  Buffer w(Parameter p);

  /**
   * Gradient of a parameter, to be added to.
   *
   * @param p one of the op's
   * @return its part of the gradient
   */
  Buffer dw(Parameter p);

  /**
   * Directions of a parameter: run i is its part of direction i.
   *
   * @param p one of the op's
   * @return k runs
   */
  Strided rw(Parameter p);

  /**
   * Tangents of a parameter's gradient, to be added to: run i is its part of product i.
   *
   * @param p one of the op's
   * @return k runs
   */
  Strided rdw(Parameter p);

  /**
   * An array kept from the forward pass on.
   *
   * @param i as in {@link Op.Workspace#saved}
   * @return b x size values
   */
  Buffer saved(int i);

  /**
   * Fixed values of this op.
   *
   * @param i as in {@link Op#constants}
   * @return the values
   */
  Buffer constant(int i);

  /**
   * An array kept from tangentForward to tangentBackward.
   *
   * @param i as in {@link Op.Workspace#tangents}
   * @return k x b x size values
   */
  Buffer savedTangent(int i);

  /**
   * An array for use within one tangent pass; curvature still finds what tangentForward left.
   *
   * @param i as in {@link Op.Workspace#scratch}
   * @return k x b x size values
   */
  Buffer scratch(int i);

  /**
   * Accumulators of the local second-order terms.
   *
   * @return one for each direction
   */
  Scalars curvature();

  /**
   * Whether this forward pass trains or measures; dropout is the identity while measuring.
   *
   * @return the mode of the last forward pass
   */
  Mode mode();

  /**
   * Position of this op in its network, for random streams that differ from op to op.
   *
   * @return a number from 1
   */
  int node();

  /**
   * Whether a forward pass trains or measures.
   *
   * @param training true if dropout acts
   * @param seed key of the dropout masks
   * @param step number of the training step; each has its own masks
   */
  public record Mode(boolean training, long seed, long step) {

    /** Dropout is the identity: what every measurement uses. */
    public static final Mode MEASURE = new Mode(false, 0, 0);

    /**
     * A training step.
     *
     * @param seed key of the dropout masks
     * @param step number of the step
     * @return the mode
     */
    public static Mode training(long seed, long step) {
      return new Mode(true, seed, step);
    }
  }
}
