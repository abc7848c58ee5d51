package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.network.op.Frame;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Step;
import java.util.BitSet;

/** A frame over the arrays of a tape and a sweep. */
sealed class TapeFrame implements Frame permits DirectionFrame, LocalFrame, PartFrame {

  private final Tape tape;
  private final TangentSweep sweep;
  private final Step step;
  private final int node;

  /** Inputs, and after them the adjoint of the output, that are in their slots already. */
  private final BitSet there = new BitSet();

  TapeFrame(Tape tape, TangentSweep sweep, int node) {
    this.tape = tape;
    this.sweep = sweep;
    this.node = node;
    this.step = tape.network().steps().get(node);
  }

  @Override
  public Device device() {
    return tape.device();
  }

  @Override
  public int examples() {
    return tape.examples();
  }

  @Override
  public int directions() {
    return sweep.directions();
  }

  @Override
  public int inputCount() {
    return step.inputs().length;
  }

  @Override
  public Shape inputShape(int i) {
    return tape.network().steps().get(step.inputs()[i]).shape();
  }

  @Override
  public Shape outputShape() {
    return step.shape();
  }

  @Override
  public Buffer x(int i) {
    int input = step.inputs()[i];
    if (tape.givesAgain(input) && !there.get(i)) {
      there.set(i);
      tape.giveValue(input, firstExample(), examples());
    }
    return tape.valueArray(input);
  }

  @Override
  public Buffer y() {
    return tape.valueArray(node);
  }

  @Override
  public boolean active(int i) {
    return tape.network().steps().get(step.inputs()[i]).active();
  }

  @Override
  public boolean adds(int i) {
    return step.adds()[i];
  }

  @Override
  public boolean passesOn(int i) {
    SharedAdjoints adjoints = sweep == null ? tape.adjoints() : sweep.adjoints();
    return adjoints.passesOn(node, step.inputs()[i]);
  }

  @Override
  public double beta(int i) {
    return adds(i) ? 1 : 0;
  }

  @Override
  public Buffer dx(int i) {
    return tape.adjointArray(step.inputs()[i]);
  }

  @Override
  public Buffer dy() {
    if (tape.givesAdjointAgain(node) && !there.get(inputCount())) {
      there.set(inputCount());
      tape.giveAdjoint(node, firstExample(), examples());
    }
    return tape.adjointArray(node);
  }

  @Override
  public Buffer rx(int i) {
    return sweep.tangent(step.inputs()[i]);
  }

  @Override
  public Buffer ry() {
    return sweep.tangent(node);
  }

  @Override
  public Buffer rdx(int i) {
    return sweep.adjointTangent(step.inputs()[i]);
  }

  @Override
  public Buffer rdy() {
    return sweep.adjointTangent(node);
  }

  @Override
  public Buffer w(Parameter p) {
    return ParameterPieces.of(tape.parameters(), p);
  }

  @Override
  public Buffer dw(Parameter p) {
    return ParameterPieces.of(tape.gradient(), p);
  }

  @Override
  public Strided rw(Parameter p) {
    return ParameterPieces.of(sweep.v(), p);
  }

  @Override
  public Strided rdw(Parameter p) {
    return Strided.of(sweep.hv(), p.offset());
  }

  @Override
  public Buffer saved(int i) {
    return tape.saved(node, i);
  }

  @Override
  public Buffer constant(int i) {
    return tape.constant(node, i);
  }

  @Override
  public Buffer savedTangent(int i) {
    return sweep.savedTangent(node, i);
  }

  @Override
  public Buffer scratch(int i) {
    return sweep.scratch(i);
  }

  @Override
  public Scalars curvature() {
    return sweep.curvature();
  }

  @Override
  public Mode mode() {
    return tape.mode();
  }

  @Override
  public int node() {
    return node;
  }

  /** The first of {@link #examples} among those of the tape. */
  int firstExample() {
    return 0;
  }

  Tape tape() {
    return tape;
  }
}
