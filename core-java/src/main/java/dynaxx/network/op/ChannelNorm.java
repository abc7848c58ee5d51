package dynaxx.network.op;

import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.kernel.Strided;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import java.util.List;

/**
 * Normalisation of the channels of {@code [channels x ...]}: {@code y = gamma[c] (x - mean) /
 * sqrt(variance + epsilon) + beta[c]}. What mean and variance are taken over is its {@link Kind}.
 *
 * @param gamma gains, one for each channel
 * @param beta shifts, one for each channel, or null for none
 * @param epsilon added to the variance, at least 0
 * @param kind where mean and variance come from
 */
public record ChannelNorm(Parameter gamma, Parameter beta, double epsilon, Kind kind)
    implements Op {

  /** Where mean and variance come from. */
  public sealed interface Kind {}

  /**
   * The channels of a group and all their pixels, example by example (Wu and He, 2018).
   *
   * @param count groups, a divisor of the channels
   */
  public record Groups(int count) implements Kind {}

  /** All pixels of a channel in the whole batch, which couples its examples. */
  public record WholeBatch() implements Kind {}

  /**
   * Constants.
   *
   * @param statistics one mean and one variance for each channel
   */
  public record Running(RunningStatistics statistics) implements Kind {}

  /**
   * Checks epsilon.
   *
   * @param gamma gains
   * @param beta shifts, or null
   * @param epsilon at least 0
   * @param kind where mean and variance come from
   */
  public ChannelNorm {
    if (!(epsilon >= 0 && epsilon < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "epsilon: found " + epsilon + ", expected a finite number of at least 0");
    }
  }

  /**
   * GroupNorm (Wu and He, 2018); one group makes it LayerNorm over channels and pixels.
   *
   * @param groups a divisor of the channels
   * @param gamma gains
   * @param beta shifts, or null
   * @param epsilon added to the variance
   * @return the op
   */
  public static ChannelNorm group(int groups, Parameter gamma, Parameter beta, double epsilon) {
    return new ChannelNorm(gamma, beta, epsilon, new Groups(groups));
  }

  /**
   * InstanceNorm (Ulyanov et al., 2016): every channel of every example by itself.
   *
   * @param gamma gains
   * @param beta shifts, or null
   * @param epsilon added to the variance
   * @return the op
   */
  public static ChannelNorm instance(Parameter gamma, Parameter beta, double epsilon) {
    return group(Math.toIntExact(gamma.size()), gamma, beta, epsilon);
  }

  /**
   * BatchNorm in training (Ioffe and Szegedy, 2015): statistics of the batch at hand. The loss is
   * then no mean over examples: a batch cannot be cut into micro-batches, and there are no
   * gradients of single examples. No running statistics are collected.
   *
   * @param gamma gains
   * @param beta shifts, or null
   * @param epsilon added to the variance
   * @return the op
   */
  public static ChannelNorm batch(Parameter gamma, Parameter beta, double epsilon) {
    return new ChannelNorm(gamma, beta, epsilon, new WholeBatch());
  }

  /**
   * BatchNorm in evaluation (Ioffe and Szegedy, 2015): fixed statistics.
   *
   * @param gamma gains
   * @param beta shifts, or null
   * @param epsilon added to the variance
   * @param statistics means and variances
   * @return the op
   */
  public static ChannelNorm running(
      Parameter gamma, Parameter beta, double epsilon, RunningStatistics statistics) {
    return new ChannelNorm(gamma, beta, epsilon, new Running(statistics));
  }

  @Override
  public String name() {
    return kind instanceof Groups ? "group norm" : "batch norm";
  }

  @Override
  public boolean couplesExamples() {
    return kind instanceof WholeBatch;
  }

  @Override
  public List<float[]> constants() {
    return kind instanceof Running r ? List.of(r.statistics().values()) : List.of();
  }

  @Override
  public Shape outputShape(List<Shape> inputs) {
    Check.inputs(this, inputs, 1);
    Shape x = inputs.getFirst();
    long channels = gamma.size();
    Check.that(x.rank() > 0 && x.dim(0) == channels, this, 0, x, "a first extent of " + channels);
    if (beta != null) {
      Check.parameter(beta.size() == channels, this, beta, channels + " values");
    }
    if (kind instanceof Groups g) {
      boolean divides = g.count() > 0 && channels % g.count() == 0;
      Check.that(divides, this, 0, x, "channels in a multiple of " + g.count() + " groups");
    }
    if (kind instanceof Running r) {
      int found = r.statistics().channels();
      Check.that(found == channels, this, 0, x, found + " channels as in the running statistics");
    }
    return x;
  }

  @Override
  public List<Parameter> parameters() {
    return beta == null ? List.of(gamma) : List.of(gamma, beta);
  }

  /** Mean and r of each unit; of the whole batch, there are as many in all as channels. */
  @Override
  public Workspace workspace(List<Shape> inputs) {
    return Workspace.saved(2L * (kind instanceof Groups g ? g.count() : gamma.size()));
  }

  private ChannelNormalization shape(Frame f) {
    Shape x = f.inputShape(0);
    int channels = x.dim(0);
    int size = Math.toIntExact(x.size() / channels);
    int groups = kind instanceof Groups g ? g.count() : 1;
    Statistics over =
        switch (kind) {
          case Groups g -> Statistics.GROUP;
          case WholeBatch w -> Statistics.BATCH;
          case Running r -> Statistics.GIVEN;
        };
    return new ChannelNormalization(f.examples(), channels, size, groups, epsilon, over);
  }

  @Override
  public boolean readsOutput() {
    return false;
  }

  @Override
  public void forward(Frame f) {
    Buffer given = kind instanceof Running ? f.constant(0) : null;
    Buffer shift = beta == null ? null : f.w(beta);
    f.device()
        .kernels()
        .channelNorms()
        .forward(shape(f), given, f.x(0), f.w(gamma), shift, f.y(), f.saved(0));
  }

  @Override
  public void backward(Frame f) {
    f.device()
        .kernels()
        .channelNorms()
        .backward(
            shape(f),
            f.x(0),
            f.saved(0),
            f.w(gamma),
            f.dy(),
            f.active(0) ? f.dx(0) : null,
            f.adds(0),
            f.dw(gamma),
            beta == null ? null : f.dw(beta));
  }

  @Override
  public void tangentForward(Frame f) {
    Strided rbeta = beta == null ? null : f.rw(beta);
    f.device()
        .kernels()
        .channelNorms()
        .tangent(
            shape(f),
            f.directions(),
            f.x(0),
            f.saved(0),
            f.w(gamma),
            f.rx(0),
            f.rw(gamma),
            rbeta,
            f.ry());
  }

  @Override
  public void tangentBackward(Frame f) {
    f.device()
        .kernels()
        .channelNorms()
        .tangentBackward(
            shape(f),
            f.directions(),
            f.x(0),
            f.saved(0),
            f.w(gamma),
            f.dy(),
            f.rx(0),
            f.rw(gamma),
            f.rdy(),
            f.rdx(0),
            f.adds(0),
            f.rdw(gamma),
            beta == null ? null : f.rdw(beta));
  }

  @Override
  public void curvature(Frame f) {
    if (f.active(0)) {
      f.device()
          .kernels()
          .channelNorms()
          .curvature(
              shape(f),
              f.directions(),
              f.x(0),
              f.saved(0),
              f.w(gamma),
              f.dy(),
              f.rx(0),
              f.rw(gamma),
              f.curvature());
    }
  }
}
