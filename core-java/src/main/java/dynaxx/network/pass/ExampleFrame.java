package dynaxx.network.pass;

import dynaxx.memory.Buffer;
import dynaxx.network.Parameter;

/** What an op sees of one example, to add that example's gradient to a row of a matrix. */
final class ExampleFrame extends LocalFrame {

  private final int example;
  private final ParameterGroup group;
  private final Buffer row;

  /**
   * One example of a tape.
   *
   * @param row receives the gradients of the group's parameters, laid out as the group says
   */
  ExampleFrame(Tape tape, int node, int example, ParameterGroup group, Buffer row) {
    super(tape, node);
    this.example = example;
    this.group = group;
    this.row = row;
  }

  @Override
  public int examples() {
    return 1;
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
    return part(super.saved(i), Tape.workspace(tape().network(), node()).saved().get(i));
  }

  @Override
  public Buffer dw(Parameter p) {
    return row.slice(group.column(p), p.size());
  }

  private Buffer part(Buffer all, long size) {
    return all.slice(example * size, size);
  }
}
