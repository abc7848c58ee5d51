package dynaxx.network.pass;

import dynaxx.memory.Buffer;

/**
 * A frame that shows an op's inputs as data, whatever they are: its passes then concern nothing but
 * its parameters. {@code tangentForward} gives {@code (df/dw) rw} alone, {@code backward} the
 * gradients of the parameters alone.
 */
abstract sealed class LocalFrame extends TapeFrame permits FisherFrame, ExamplesFrame {

  LocalFrame(Tape tape, int node) {
    super(tape, null, node);
  }

  @Override
  public final boolean active(int i) {
    return false;
  }

  @Override
  public final Buffer dx(int i) {
    return null;
  }

  @Override
  public final Buffer rx(int i) {
    return null;
  }
}
