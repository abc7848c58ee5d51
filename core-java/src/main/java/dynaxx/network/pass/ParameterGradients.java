package dynaxx.network.pass;

import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.network.op.Step;

/**
 * Gradients of some examples of a recorded batch. The tape already holds the adjoints, so only the
 * products that give the parameters' gradients are computed again. The tape does not change.
 */
public final class ParameterGradients {

  private ParameterGradients() {}

  /**
   * Adds the examples' share of the gradient of the mean over the whole data set.
   *
   * @param tape holds a forward pass while measuring and a backward pass
   * @param from first example
   * @param count how many
   * @param gradient n values, added to
   */
  public static void add(Tape tape, int from, int count, Buffer gradient) {
    tape.requireAdjoints();
    Shape.requireSize("gradient", gradient.size(), tape.network().parameterCount());
    for (int node = 1; node < tape.network().steps().size(); node++) {
      Step step = tape.network().steps().get(node);
      if (!step.op().parameters().isEmpty()) {
        step.op()
            .backward(
                new ExamplesFrame(
                    tape, node, from, count, p -> gradient.slice(p.offset(), p.size())));
      }
    }
  }
}
