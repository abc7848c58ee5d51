package dynaxx.network.pass;

import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import java.util.function.Function;

/**
 * Some consecutive examples of a tape with their own adjoints, for their part of the parameters'
 * gradient.
 */
final class ExamplesFrame extends LocalFrame {

  private final int from;
  private final int count;
  private final Function<Parameter, Buffer> gradient;

  ExamplesFrame(Tape tape, int node, int from, int count, Function<Parameter, Buffer> gradient) {
    super(tape, node);
    this.from = from;
    this.count = count;
    this.gradient = gradient;
  }

  @Override
  public int examples() {
    return count;
  }

  @Override
  int firstExample() {
    return from;
  }

  @Override
  public Buffer x(int i) {
    return part(super.x(i), inputShape(i).size());
  }

  @Override
  public Buffer y() {
    return part(super.y(), outputShape().size());
  }

  @Override
  public Buffer dy() {
    return part(super.dy(), outputShape().size());
  }

  @Override
  public Buffer saved(int i) {
    return part(super.saved(i), Workspaces.of(tape().network(), node()).saved().get(i));
  }

  @Override
  public Buffer dw(Parameter p) {
    return gradient.apply(p);
  }

  private Buffer part(Buffer all, long size) {
    return all.slice(from * size, count * size);
  }
}
