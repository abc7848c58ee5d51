package dynaxx.spectrum;

/**
 * Largest eigenvalue at which an optimizer's updates are stable on a quadratic function of that
 * curvature. Training with full batches drives the sharpness up to it, where it hovers (Cohen et
 * al., 2021, 2022); with small batches it stays below.
 */
public sealed interface StabilityLimit {

  /**
   * The limit.
   *
   * @param learningRate above 0
   * @return largest stable eigenvalue of the matrix that {@link #signal()} is about
   */
  double at(double learningRate);

  /**
   * What is compared with the limit.
   *
   * @return a largest eigenvalue
   */
  Signal signal();

  /**
   * Plain gradient descent: {@code 2 / learning rate - weight decay}.
   *
   * @param weightDecay factor of the parameters in the update's gradient, not part of the loss
   */
  record Sgd(double weightDecay) implements StabilityLimit {
    @Override
    public double at(double learningRate) {
      return 2 / learningRate - weightDecay;
    }

    @Override
    public Signal signal() {
      return Signal.LAMBDA_MAX;
    }
  }

  /**
   * Heavy-ball momentum (Polyak, 1964): {@code 2 (1 + momentum) / learning rate - weight decay}.
   *
   * @param momentum from 0 to below 1
   * @param weightDecay factor of the parameters in the update's gradient, not part of the loss
   */
  record Momentum(double momentum, double weightDecay) implements StabilityLimit {
    @Override
    public double at(double learningRate) {
      return 2 * (1 + momentum) / learningRate - weightDecay;
    }

    @Override
    public Signal signal() {
      return Signal.LAMBDA_MAX;
    }
  }

  /**
   * Adam, on the Hessian preconditioned by its second moments: {@code 2 (1 + beta1) / ((1 - beta1)
   * learning rate)}, which is 38 over the learning rate for beta1 = 0.9 (Cohen et al., 2022).
   *
   * @param beta1 decay of the first moment, from 0 to below 1
   */
  record Adam(double beta1) implements StabilityLimit {
    @Override
    public double at(double learningRate) {
      return 2 * (1 + beta1) / ((1 - beta1) * learningRate);
    }

    @Override
    public Signal signal() {
      return Signal.PRECONDITIONED_LAMBDA_MAX;
    }
  }
}
