package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import dynaxx.operator.SymmetricOperator;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Optional;

/** Updates parameters from a gradient; keeps its own state between steps. */
public sealed interface Optimizer permits Sgd, AdamW, Sam {

  /**
   * One step.
   *
   * @param parameters n values, changed in place
   * @param gradient n values
   * @param learningRate of this step
   */
  void step(HostBuffer parameters, HostBuffer gradient, double learningRate);

  /**
   * One step, with a way to look at the gradient elsewhere.
   *
   * @param parameters n values, changed in place
   * @param gradient n values; holds another gradient afterwards if one was looked at
   * @param learningRate of this step
   * @param look computes the gradient of the same batch at the parameters as they are then
   */
  default void step(
      HostBuffer parameters, HostBuffer gradient, double learningRate, Runnable look) {
    step(parameters, gradient, learningRate);
  }

  /** Momentum, or the decay of the first moment. */
  double momentum();

  /** Changes it from the next step on. */
  void setMomentum(double momentum);

  /** Loses its state, as when training is started again without it. */
  void reset();

  /**
   * The operator whose largest eigenvalue decides whether this optimizer is stable.
   *
   * @param hessian of the loss
   * @return the preconditioned Hessian, to be closed; empty if it is the Hessian itself, or if no
   *     step was made yet
   */
  default Optional<SymmetricOperator> precondition(SymmetricOperator hessian) {
    return Optional.empty();
  }

  /** Writes its state, so that {@link #load} goes on with the same bits. */
  void save(DataOutput out) throws IOException;

  void load(DataInput in) throws IOException;

  /** Name for reports. */
  String name();
}
