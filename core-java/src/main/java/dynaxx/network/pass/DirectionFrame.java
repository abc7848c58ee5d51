package dynaxx.network.pass;

import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;

/**
 * What an op sees of a backward pass in which one direction's tangents of adjoints take the place
 * of the adjoints: they go to the inputs and, as gradient, to that direction's product.
 */
final class DirectionFrame extends TapeFrame {

  private final TangentSweep sweep;
  private int direction;

  DirectionFrame(Tape tape, TangentSweep sweep, int node) {
    super(tape, sweep, node);
    this.sweep = sweep;
  }

  DirectionFrame turnTo(int direction) {
    this.direction = direction;
    return this;
  }

  @Override
  public Buffer dx(int i) {
    return active(i) ? part(rdx(i), inputShape(i)) : null;
  }

  @Override
  public Buffer dy() {
    return part(rdy(), outputShape());
  }

  @Override
  public Buffer dw(Parameter p) {
    return sweep.hv().vector(direction).slice(p.offset(), p.size());
  }

  private Buffer part(Buffer tangents, Shape shape) {
    long n = examples() * shape.size();
    return tangents.slice(direction * n, n);
  }
}
