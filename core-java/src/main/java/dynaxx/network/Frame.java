package dynaxx.network;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import dynaxx.memory.Strided;

/**
 * What one op sees of the sweep it takes part in. Arrays of values have the examples as leading
 * axis, arrays of tangents the k directions before them; buffers may be longer than the arrays in
 * them. Which accessors hold something depends on the pass: adjoints from the backward pass on,
 * tangents in tangent passes only.
 */
public sealed class Frame permits DirectionFrame, LocalFrame {

  private final Tape tape;
  private final TangentSweep sweep;
  private final Network.Step step;
  private final int node;

  Frame(Tape tape, TangentSweep sweep, int node) {
    this.tape = tape;
    this.sweep = sweep;
    this.node = node;
    this.step = tape.network().steps().get(node);
  }

  /**
   * Where to compute.
   *
   * @return the device that owns every buffer here
   */
  public Device device() {
    return tape.device();
  }

  /**
   * Number of examples in the batch.
   *
   * @return b
   */
  public int examples() {
    return tape.examples();
  }

  /**
   * Number of directions in tangent passes.
   *
   * @return k
   */
  public int directions() {
    return sweep.directions();
  }

  int inputCount() {
    return step.inputs().length;
  }

  /**
   * Shape of an input without the axis of examples.
   *
   * @param i which input
   * @return the shape
   */
  public Shape inputShape(int i) {
    return tape.network().steps().get(step.inputs()[i]).shape();
  }

  /**
   * Shape of the output without the axis of examples.
   *
   * @return the shape
   */
  public Shape outputShape() {
    return step.shape();
  }

  /**
   * An input.
   *
   * @param i which input
   * @return b x inputShape values
   */
  public Buffer x(int i) {
    return tape.value(step.inputs()[i]);
  }

  /**
   * The output.
   *
   * @return b x outputShape values
   */
  public Buffer y() {
    return tape.value(node);
  }

  /**
   * Whether an input depends on parameters. If not, it has no adjoint and no tangent.
   *
   * @param i which input
   * @return false for data
   */
  public boolean active(int i) {
    return tape.network().steps().get(step.inputs()[i]).active();
  }

  /**
   * Whether an input's adjoint already holds contributions of other ops, so that this op must add
   * to it. If not, the op writes it, whatever it holds.
   *
   * @param i which input
   * @return true to add
   */
  public boolean adds(int i) {
    return step.adds()[i];
  }

  /**
   * {@link #adds} as the factor of a product's destination.
   *
   * @param i which input
   * @return 1 to add, 0 to write
   */
  public double beta(int i) {
    return adds(i) ? 1 : 0;
  }

  /**
   * Adjoint of an active input.
   *
   * @param i which input
   * @return b x inputShape values
   */
  public Buffer dx(int i) {
    return tape.adjoint(step.inputs()[i]);
  }

  /**
   * Adjoint of the output.
   *
   * @return b x outputShape values
   */
  public Buffer dy() {
    return tape.adjoint(node);
  }

  /**
   * Tangent of an input.
   *
   * @param i which input
   * @return k x b x inputShape values, or null if the input is not active
   */
  public Buffer rx(int i) {
    return sweep.tangent(step.inputs()[i]);
  }

  /**
   * Tangent of the output.
   *
   * @return k x b x outputShape values
   */
  public Buffer ry() {
    return sweep.tangent(node);
  }

  /**
   * Tangent of an active input's adjoint.
   *
   * @param i which input
   * @return k x b x inputShape values
   */
  public Buffer rdx(int i) {
    return sweep.adjointTangent(step.inputs()[i]);
  }

  /**
   * Tangent of the output's adjoint.
   *
   * @return k x b x outputShape values
   */
  public Buffer rdy() {
    return sweep.adjointTangent(node);
  }

  /**
   * Values of a parameter.
   *
   * @param p one of the op's
   * @return its values
   */
  public Buffer w(Parameter p) {
    return tape.parameters().slice(p.offset(), p.size());
  }

  /**
   * Gradient of a parameter, to be added to.
   *
   * @param p one of the op's
   * @return its part of the gradient
   */
  public Buffer dw(Parameter p) {
    return tape.gradient().slice(p.offset(), p.size());
  }

  /**
   * Directions of a parameter: run i is its part of direction i.
   *
   * @param p one of the op's
   * @return k runs
   */
  public Strided rw(Parameter p) {
    return Strided.of(sweep.v(), p.offset());
  }

  /**
   * Tangents of a parameter's gradient, to be added to: run i is its part of product i.
   *
   * @param p one of the op's
   * @return k runs
   */
  public Strided rdw(Parameter p) {
    return Strided.of(sweep.hv(), p.offset());
  }

  /**
   * An array kept from the forward pass on.
   *
   * @param i as in {@link Op.Workspace#saved}
   * @return b x size values
   */
  public Buffer saved(int i) {
    return tape.saved(node, i);
  }

  /**
   * Fixed values of this op.
   *
   * @param i as in {@link Op#constants}
   * @return the values
   */
  public Buffer constant(int i) {
    return tape.constant(node, i);
  }

  /**
   * An array kept from tangentForward to tangentBackward.
   *
   * @param i as in {@link Op.Workspace#tangents}
   * @return k x b x size values
   */
  public Buffer savedTangent(int i) {
    return sweep.savedTangent(node, i);
  }

  /**
   * An array for use within one tangent pass; curvature still finds what tangentForward left.
   *
   * @param i as in {@link Op.Workspace#scratch}
   * @return k x b x size values
   */
  public Buffer scratch(int i) {
    return sweep.scratch(i);
  }

  /** Copies an array of the output's shape for k directions. */
  void copy(int k, Buffer from, Buffer to, boolean add) {
    long n = outputShape().size();
    device().kernels().rows().copyRows((long) k * examples(), n, from, 0, n, to, 0, n, add);
  }

  /**
   * Accumulators of the local second-order terms.
   *
   * @return one for each direction
   */
  public Scalars curvature() {
    return sweep.curvature();
  }

  /**
   * Whether this forward pass trains or measures; dropout is the identity while measuring.
   *
   * @return the mode of the last forward pass
   */
  public Mode mode() {
    return tape.mode();
  }

  /**
   * Position of this op in its network, for random streams that differ from op to op.
   *
   * @return a number from 1
   */
  public int node() {
    return node;
  }

  Tape tape() {
    return tape;
  }
}
