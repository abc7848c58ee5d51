package dynaxx.layer;

/**
 * How a parameter starts: uniform in {@code center ± halfWidth}, drawn from Philox so that a seed
 * fixes every bit.
 *
 * @param center middle of the range
 * @param halfWidth half of its width; 0 gives a constant
 */
public record Initializer(float center, float halfWidth) {

  /** All zero. */
  public static final Initializer ZEROS = new Initializer(0, 0);

  /** All one. */
  public static final Initializer ONES = new Initializer(1, 0);

  /**
   * Uniform with a given standard deviation around 0.
   *
   * @param deviation standard deviation
   * @return the initializer
   */
  public static Initializer deviation(double deviation) {
    return new Initializer(0, (float) (deviation * Math.sqrt(3)));
  }

  /**
   * Uniform with variance 2 / (in + out), keeping the scale of activations and gradients (Glorot
   * and Bengio, 2010).
   *
   * @param in inputs of a unit
   * @param out number of units
   * @return the initializer
   */
  public static Initializer glorot(long in, long out) {
    return deviation(Math.sqrt(2.0 / (in + out)));
  }

  /**
   * Uniform with variance 2 / in, keeping the scale of activations through ReLU (He et al., 2015).
   *
   * @param in inputs of a unit
   * @return the initializer
   */
  public static Initializer he(long in) {
    return deviation(Math.sqrt(2.0 / in));
  }
}
