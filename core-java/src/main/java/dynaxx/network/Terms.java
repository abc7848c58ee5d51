package dynaxx.network;

import java.util.random.RandomGenerator;

/**
 * A loss of one example, or of a whole batch whose examples it couples, with its derivatives by the
 * predictions, in float64: the sum of its terms.
 */
interface Terms {

  /** A linear map: what the Hessian at some predictions does to a direction. */
  interface Product {
    void apply(double[] v, double[] hv);
  }

  /**
   * The sum of the terms.
   *
   * @param z predictions
   * @param t targets
   */
  double value(double[] z, double[] t);

  /** Writes the derivatives of the value by the predictions. */
  void gradient(double[] z, double[] t, double[] dz);

  /** The Hessian of the value by the predictions. */
  Product hessian(double[] z, double[] t);

  /** Whether several threads may work with it at once. */
  default boolean isConcurrent() {
    return true;
  }

  /**
   * Writes the derivatives by the predictions for targets drawn from the model's own distribution.
   *
   * @param z predictions
   * @param t targets of the data, for weights that depend on them
   * @param random the source
   * @param score receives the derivatives
   * @return false if this is no log-likelihood
   */
  default boolean score(double[] z, double[] t, RandomGenerator random, double[] score) {
    return false;
  }
}
