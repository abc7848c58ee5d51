package dynaxx.app.train;

/** Learning rates of a run. */
public sealed interface LearningRates permits WarmupCosine, WarmupConstant, Triangular {

  /** Learning rate of a step, counted from 0. */
  double at(int step);
}
