package dynaxx.app.train;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.spectrum.Update;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

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
   * The step that {@link #step} would make, which stays to be made: nothing changes. Of one that
   * looks at the gradient elsewhere it is the step without that look.
   *
   * @param parameters n values
   * @param gradient n values
   * @param learningRate of the step
   * @param scope owns what the update reads
   */
  Update coming(HostBuffer parameters, HostBuffer gradient, double learningRate, Scope scope);

  /** Writes its state, so that {@link #load} goes on with the same bits. */
  void save(DataOutput out) throws IOException;

  void load(DataInput in) throws IOException;

  /** Name for reports. */
  String name();
}
