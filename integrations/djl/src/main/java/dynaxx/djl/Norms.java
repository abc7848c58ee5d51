package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Norm;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Normalisations of traced arrays. Those whose gain is frozen are computed step by step, as a norm
 * of dynaxx has a gain to train.
 */
final class Norms {

  private Norms() {}

  /** Running statistics: a mean and a variance for each channel. */
  record Statistics(TracedArray mean, TracedArray variance) {
    RunningStatistics values() {
      return RunningStatistics.of(mean.constant(), variance.constant());
    }
  }

  /** Over the last axes, as many as the normalized shape has. */
  static TracedArray layer(
      TracedArray x, Shape normalized, TracedArray gamma, TracedArray beta, double epsilon) {
    int rank = x.getShape().dimension();
    int[] axes = IntStream.range(rank - normalized.dimension(), rank).toArray();
    Parameter gain = gamma.parameter();
    if (gain == null) {
      NDArray centred = x.sub(x.mean(axes, true));
      NDArray variance = centred.square().mean(axes, true);
      NDArray scaled = centred.mul(variance.add(epsilon).pow(-0.5));
      return TracedArray.of(scaled.mul(gamma).add(beta));
    }
    Shape kept = x.getShape().slice(0, rank - normalized.dimension());
    TracedArray flat = Axes.reshape(x, kept.add(normalized.size()).getShape());
    Parameter shift = beta.parameter();
    Term term = Term.of(Norm.layer(gain, shift, epsilon), flat.term());
    TracedArray y = Axes.reshape(flat.with(term), x.getShape().getShape());
    return shift == null ? TracedArray.of(y.add(beta)) : y;
  }

  /** Over examples and places, or by running statistics. */
  static TracedArray batch(
      TracedArray x,
      Statistics statistics,
      TracedArray gamma,
      TracedArray beta,
      int axis,
      double epsilon) {
    int at = Axes.own(x, axis);
    TracedArray first = x.with(x.term().moved(at, 0));
    TracedArray y = channels(first, statistics, gamma, beta, epsilon);
    return y.with(y.term().moved(0, at));
  }

  private static TracedArray channels(
      TracedArray x, Statistics statistics, TracedArray gamma, TracedArray beta, double epsilon) {
    Parameter gain = gamma.parameter();
    if (gain == null) {
      if (statistics == null) {
        throw new Refusal("normalises by batch statistics with a frozen gain");
      }
      NDArray centred = x.sub(column(x, statistics.mean()));
      NDArray deviation = column(x, statistics.variance()).add(epsilon).pow(-0.5);
      NDArray scaled = centred.mul(deviation).mul(column(x, gamma));
      return TracedArray.of(scaled.add(column(x, beta)));
    }
    ChannelNorm.Kind kind =
        statistics == null
            ? new ChannelNorm.WholeBatch()
            : new ChannelNorm.Running(statistics.values());
    Parameter shift = beta.parameter();
    TracedArray y = x.with(Term.of(new ChannelNorm(gain, shift, epsilon, kind), x.term()));
    return shift == null ? TracedArray.of(y.add(column(x, beta))) : y;
  }

  /** A value for each channel, in a shape that repeats over the places of a channel. */
  private static NDArray column(TracedArray x, TracedArray values) {
    long[] dims = new long[x.term().rank()];
    Arrays.fill(dims, 1);
    dims[0] = values.getShape().size();
    return values.reshape(new Shape(dims));
  }
}
