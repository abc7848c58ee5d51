package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.operator.Adam;
import dynaxx.spectrum.Signal.Reading;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;

/**
 * The update that the host is about to make: the optimizer with its learning rate, and the step
 * itself if the host already knows it. It is read while a snapshot is made, so its buffers must
 * stay unchanged until then.
 *
 * <p>Without {@link #step} the step is taken to be that of an optimizer without memory on the
 * gradient over the snapshot's own subset: {@code -rate (g + decay w)} for gradient descent and
 * momentum, {@code -rate (P^-1 g + decay w)} for Adam with preconditioner P.
 */
public final class Update {

  private final StabilityLimit limit;
  private final double learningRate;
  private final double weightDecay;
  private final Optional<Moments> moments;
  private final Optional<Buffer> step;
  private final Optional<DoubleUnaryOperator> lossAlong;
  private final long batchSize;
  private final OptionalDouble gradientNorm;

  /**
   * Largest eigenvalue at which an optimizer's updates are stable on a quadratic function of that
   * curvature. Training with full batches drives the sharpness up to it, where it hovers (Cohen et
   * al., 2021, 2022); with small batches it stays below. {@link #sgd}, {@link #momentum} and {@link
   * #adam} know those of their optimizers.
   *
   * @param signal the largest eigenvalue that is compared with the limit
   * @param numerator of the limit {@code numerator / (divisor learning rate) - weightDecay}
   * @param divisor above 0
   * @param weightDecay factor of the parameters in the update's gradient, not part of the loss
   */
  public record StabilityLimit(
      Signal signal, double numerator, double divisor, double weightDecay) {

    /**
     * Plain gradient descent: {@code 2 / learning rate - weight decay}.
     *
     * @param weightDecay factor of the parameters in the update's gradient, not part of the loss
     * @return the limit of lambda_max
     */
    public static StabilityLimit sgd(double weightDecay) {
      return momentum(0, weightDecay);
    }

    /**
     * Heavy-ball momentum (Polyak, 1964): {@code 2 (1 + momentum) / learning rate - weight decay}.
     *
     * @param momentum from 0 to below 1
     * @param weightDecay factor of the parameters in the update's gradient, not part of the loss
     * @return the limit of lambda_max
     */
    public static StabilityLimit momentum(double momentum, double weightDecay) {
      requireDecay("momentum", momentum);
      return new StabilityLimit(Signal.LAMBDA_MAX, 2 * (1 + momentum), 1, weightDecay);
    }

    /**
     * Adam, on the Hessian preconditioned by its second moments: {@code 2 (1 + beta1) / ((1 -
     * beta1) learning rate)}, which is 38 over the learning rate for beta1 = 0.9 (Cohen et al.,
     * 2022).
     *
     * @param beta1 decay of the first moment, from 0 to below 1
     * @return the limit of the preconditioned lambda_max
     */
    public static StabilityLimit adam(double beta1) {
      requireDecay("beta1", beta1);
      return new StabilityLimit(Signal.PRECONDITIONED_LAMBDA_MAX, 2 * (1 + beta1), 1 - beta1, 0);
    }

    private static void requireDecay(String argument, double value) {
      if (!(value >= 0 && value < 1)) {
        throw new IllegalArgumentException(
            argument + ": found " + value + ", expected from 0 to below 1");
      }
    }

    /**
     * The limit.
     *
     * @param learningRate above 0
     * @return largest stable eigenvalue of the matrix that {@code signal} is about
     */
    public double at(double learningRate) {
      return numerator / (divisor * learningRate) - weightDecay;
    }
  }

  /** Where Adam stands, with its second moment in host memory. */
  private record Moments(Adam adam, HostBuffer second) {}

  private Update(
      StabilityLimit limit,
      double learningRate,
      double weightDecay,
      Optional<Moments> moments,
      Optional<Buffer> step,
      Optional<DoubleUnaryOperator> lossAlong,
      long batchSize,
      OptionalDouble gradientNorm) {
    this.limit = limit;
    this.learningRate = learningRate;
    this.weightDecay = weightDecay;
    this.moments = moments;
    this.step = step;
    this.lossAlong = lossAlong;
    this.batchSize = batchSize;
    this.gradientNorm = gradientNorm;
  }

  private static Update of(
      StabilityLimit limit, double learningRate, double weightDecay, Optional<Moments> moments) {
    require("learning rate", learningRate);
    require("weight decay", weightDecay);
    return new Update(
        limit,
        learningRate,
        weightDecay,
        moments,
        Optional.empty(),
        Optional.empty(),
        0,
        OptionalDouble.empty());
  }

  private static void require(String argument, double found) {
    if (!(found >= 0 && Double.isFinite(found))) {
      throw new IllegalArgumentException(
          argument + ": found " + found + ", expected a finite value of at least 0");
    }
  }

  /**
   * Plain gradient descent.
   *
   * @param learningRate finite and at least 0
   * @param weightDecay factor of the parameters in the update's gradient, finite and at least 0
   * @return the update
   */
  public static Update sgd(double learningRate, double weightDecay) {
    return of(StabilityLimit.sgd(weightDecay), learningRate, weightDecay, Optional.empty());
  }

  /**
   * Heavy-ball momentum, {@code v = momentum v + g; w -= rate v}. Its step depends on v, so pass it
   * with {@link #step}.
   *
   * @param learningRate finite and at least 0
   * @param momentum from 0 to below 1
   * @param weightDecay factor of the parameters in the update's gradient, finite and at least 0
   * @return the update
   */
  public static Update momentum(double learningRate, double momentum, double weightDecay) {
    return of(
        StabilityLimit.momentum(momentum, weightDecay),
        learningRate,
        weightDecay,
        Optional.empty());
  }

  /**
   * Adam, or AdamW with decoupled weight decay.
   *
   * @param learningRate finite and at least 0
   * @param adam settings, and the number of updates that the second moment holds
   * @param secondMoment n running means of squared gradients as the optimizer keeps them, without
   *     bias correction
   * @param weightDecay decoupled: the step has {@code -rate decay w} beside what Adam does; finite
   *     and at least 0
   * @return the update
   */
  public static Update adam(
      double learningRate, Adam adam, HostBuffer secondMoment, double weightDecay) {
    Objects.requireNonNull(secondMoment, "secondMoment");
    return of(
        StabilityLimit.adam(adam.beta1()),
        learningRate,
        weightDecay,
        Optional.of(new Moments(adam, secondMoment)));
  }

  /**
   * The same with the step that will be added to the parameters.
   *
   * @param change n values, in host memory or where the probe computes
   * @return a new update
   */
  public Update step(Buffer change) {
    return new Update(
        limit,
        learningRate,
        weightDecay,
        moments,
        Optional.of(change),
        lossAlong,
        batchSize,
        gradientNorm);
  }

  /**
   * The same with a way to evaluate the loss along the step, for hosts whose network dynaxx does
   * not know.
   *
   * @param loss takes s and gives the loss over a fixed batch at {@code parameters + s step}; at 0
   *     that of the parameters as they are. It must leave the parameters unchanged
   * @return a new update
   */
  public Update lossAlong(DoubleUnaryOperator loss) {
    return new Update(
        limit,
        learningRate,
        weightDecay,
        moments,
        step,
        Optional.of(loss),
        batchSize,
        gradientNorm);
  }

  /**
   * The same with what is known of its batch. A monitor takes both from the step report.
   *
   * @param examples of the update's batch, 0 if not known
   * @param norm of its gradient, if known
   * @return a new update
   */
  public Update batch(long examples, OptionalDouble norm) {
    return new Update(limit, learningRate, weightDecay, moments, step, lossAlong, examples, norm);
  }

  /**
   * A copy that stays as it is while the host goes on; without {@link #lossAlong}, which is of the
   * host's own parameters.
   *
   * @param scope owns the memory of the copy
   * @return a new update with buffers of its own
   * @throws UnsupportedOperationException if the step is not in host memory
   */
  public Update copy(Scope scope) {
    return new Update(
        limit,
        learningRate,
        weightDecay,
        moments.map(m -> new Moments(m.adam(), copy(scope, m.second()))),
        step.map(s -> copy(scope, s)),
        Optional.empty(),
        batchSize,
        gradientNorm);
  }

  private static HostBuffer copy(Scope scope, Buffer values) {
    if (!(values instanceof HostBuffer host)) {
      throw new UnsupportedOperationException(
          "step: found memory of a device, expected host memory, which can be copied");
    }
    HostBuffer copy = scope.allocate(host.size());
    copy.segment().copyFrom(host.segment());
    return copy;
  }

  /**
   * How stable the optimizer is.
   *
   * @return the limit of its largest eigenvalue
   */
  public StabilityLimit limit() {
    return limit;
  }

  /**
   * Learning rate of the update.
   *
   * @return finite and at least 0
   */
  public double learningRate() {
    return learningRate;
  }

  /** Curvature as part of the largest that is stable; nothing where there is no limit. */
  Optional<Reading> ofLimit(Reading curvature) {
    double bound = limit.at(learningRate);
    if (!(bound > 0 && Double.isFinite(bound))) {
      return Optional.empty();
    }
    OptionalDouble error =
        curvature.error().isPresent()
            ? OptionalDouble.of(curvature.error().getAsDouble() / bound)
            : OptionalDouble.empty();
    return Optional.of(new Reading(curvature.value() / bound, error));
  }

  double weightDecay() {
    return weightDecay;
  }

  /**
   * The step that will be added to the parameters.
   *
   * @return n values, if the host told them
   */
  public Optional<Buffer> step() {
    return step;
  }

  Optional<DoubleUnaryOperator> lossAlong() {
    return lossAlong;
  }

  /** Examples of the update's batch; 0 if not known. */
  long batchSize() {
    return batchSize;
  }

  OptionalDouble gradientNorm() {
    return gradientNorm;
  }

  /** Adam's preconditioner where a device computes; nothing for other optimizers. */
  Optional<AdamNorm> norm(Device device, Scope scope, long n) {
    return moments.map(m -> new AdamNorm(device, scope, m.second(), m.adam(), n));
  }

  /** Sum over parameters of Adam's estimate of the squared gradient, without its bias. */
  OptionalDouble squaredGradients() {
    if (moments.isEmpty()) {
      return OptionalDouble.empty();
    }
    HostBuffer second = moments.get().second();
    double sum = 0;
    for (long i = 0; i < second.size(); i++) {
      sum += second.get(i);
    }
    return OptionalDouble.of(sum / moments.get().adam().secondCorrection());
  }
}
