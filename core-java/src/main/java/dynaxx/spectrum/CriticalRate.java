package dynaxx.spectrum;

import dynaxx.operator.NonFiniteException;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;

/**
 * The critical learning rate along an update: the multiple of the update at which the loss is as
 * high as before it, found from losses alone by doubling and bisection (arXiv:2601.16979). On a
 * quadratic function it is {@code 2 |g'd| / d'Hd}.
 *
 * @param low a multiple of the update that lowers the loss; 0 if none was found
 * @param high a multiple that does not; infinite if none was found
 */
record CriticalRate(double low, double high) {

  /** Losses that are evaluated at most. */
  static final int EVALUATIONS = 6;

  private static final double FARTHEST = 16;

  /**
   * Searches from the update itself, up to 16 times or down to a sixteenth of it.
   *
   * @param before loss without the update
   * @param along loss at a multiple of the update; NaN and infinity count as higher
   * @throws NonFiniteException if the loss before is NaN or infinite
   */
  static CriticalRate find(double before, DoubleUnaryOperator along) {
    NonFiniteException.check("loss", before);
    double low = 0;
    double high = Double.POSITIVE_INFINITY;
    double at = 1;
    for (int i = 0; i < EVALUATIONS; i++) {
      if (along.applyAsDouble(at) < before) {
        low = at;
      } else {
        high = at;
      }
      if (high == Double.POSITIVE_INFINITY) {
        at = 2 * low;
      } else {
        at = low == 0 ? high / 2 : Math.sqrt(low * high);
      }
      if (at > FARTHEST || at < 1 / FARTHEST) {
        break;
      }
    }
    return new CriticalRate(low, high);
  }

  /** The learning rate as part of the critical one: 1 leaves the loss as high as before. */
  Signal.Reading ratio() {
    if (low == 0) {
      return Signal.Reading.of(1 / high);
    }
    double least = 1 / high;
    double most = 1 / low;
    return new Signal.Reading((least + most) / 2, OptionalDouble.of((most - least) / 2));
  }
}
