package dynaxx.app.train;

import dynaxx.memory.HostBuffer;

/** Updates parameters from a gradient; keeps its own state between steps. */
public sealed interface Optimizer permits Sgd, AdamW {

  /**
   * One step.
   *
   * @param parameters n values, changed in place
   * @param gradient n values
   * @param learningRate of this step
   */
  void step(HostBuffer parameters, HostBuffer gradient, double learningRate);

  /** Name for reports. */
  String name();
}
