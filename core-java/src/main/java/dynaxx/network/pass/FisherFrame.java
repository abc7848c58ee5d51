package dynaxx.network.pass;

import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;

/**
 * What an op sees of a {@link FisherSweep}: tangents that come from its own parameters only, and
 * adjoints that are weighted by example for one direction.
 */
final class FisherFrame extends LocalFrame {

  private final FisherSweep sweep;
  private final Vectors v;
  private final Vectors fv;
  private final int direction;

  /** For tangentForward with all directions. */
  FisherFrame(Tape tape, FisherSweep sweep, int node, Vectors v) {
    this(tape, sweep, node, v, null, 0);
  }

  /** For backward with the weighted adjoints of one direction. */
  FisherFrame(Tape tape, FisherSweep sweep, int node, Vectors v, Vectors fv, int direction) {
    super(tape, node);
    this.sweep = sweep;
    this.v = v;
    this.fv = fv;
    this.direction = direction;
  }

  @Override
  public int directions() {
    return v.count();
  }

  @Override
  public Buffer ry() {
    return sweep.outputs();
  }

  @Override
  public Buffer dy() {
    return sweep.outputs();
  }

  @Override
  public Strided rw(Parameter p) {
    return ParameterPieces.of(v, p);
  }

  @Override
  public Buffer dw(Parameter p) {
    return fv.vector(direction).slice(p.offset(), p.size());
  }

  @Override
  public Buffer savedTangent(int i) {
    return sweep.savedTangent(i);
  }

  @Override
  public Buffer scratch(int i) {
    return sweep.scratch(i);
  }
}
