package dynaxx.network.pass;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;

/** Some consecutive examples of an op, for its forward or backward pass once more. */
final class PartFrame extends TapeFrame {

  private final int from;
  private final int count;

  PartFrame(Tape tape, int node, int from, int count) {
    super(tape, null, node);
    this.from = from;
    this.count = count;
  }

  @Override
  public int examples() {
    return count;
  }

  @Override
  public Buffer x(int i) {
    return part(super.x(i), inputShape(i));
  }

  @Override
  public Buffer y() {
    return part(super.y(), outputShape());
  }

  @Override
  public Buffer dx(int i) {
    return part(super.dx(i), inputShape(i));
  }

  @Override
  public Buffer dy() {
    return part(super.dy(), outputShape());
  }

  @Override
  public Buffer saved(int i) {
    long size = Workspaces.of(tape().network(), node()).saved().get(i);
    return super.saved(i).slice(from * size, count * size);
  }

  private Buffer part(Buffer all, Shape shape) {
    return all.slice(from * shape.size(), count * shape.size());
  }
}
