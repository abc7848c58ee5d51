package dynaxx.dashboard;

import dynaxx.spectrum.Signal;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/**
 * How an axis is laid out: linear, logarithmic, or linear near zero and logarithmic far from it.
 *
 * @param kind of axis
 * @param near size up to which a signed axis is about linear
 */
record AxisScale(Kind kind, double near) {

  enum Kind {
    LINEAR,
    LOGARITHMIC,
    SIGNED
  }

  static final AxisScale LINEAR = new AxisScale(Kind.LINEAR, 1);

  private static final int TICKS = 6;

  /** Steps below this one are written out. */
  private static final double MOST_PLAIN = 1e7;

  /** The axis for the values that a panel shows. */
  static AxisScale of(Signal.Scale scale, double least, double most, double smallest) {
    if (scale == Signal.Scale.FRACTION || scale == Signal.Scale.COUNT) {
      return LINEAR;
    }
    if (scale == Signal.Scale.LOGARITHMIC && least > 0) {
      return most / least < 3 ? LINEAR : new AxisScale(Kind.LOGARITHMIC, 1);
    }
    double size = Math.max(Math.abs(least), Math.abs(most));
    if (size == 0) {
      return LINEAR;
    }
    return new AxisScale(Kind.SIGNED, Math.max(Math.min(smallest * 10, size / 10), size / 1000));
  }

  boolean signed() {
    return kind == Kind.SIGNED;
  }

  boolean fits(double value) {
    return Double.isFinite(value) && (kind != Kind.LOGARITHMIC || value > 0);
  }

  double to(double value) {
    return switch (kind) {
      case LINEAR -> value;
      case LOGARITHMIC -> Math.log10(value);
      case SIGNED -> Math.log(value / near + Math.hypot(value / near, 1));
    };
  }

  private double back(double at) {
    return switch (kind) {
      case LINEAR -> at;
      case LOGARITHMIC -> Math.pow(10, at);
      case SIGNED -> near * Math.sinh(at);
    };
  }

  /** Round values between two transformed ends. */
  List<Double> ticks(double low, double high) {
    double from = Math.clamp(back(low), -Double.MAX_VALUE, Double.MAX_VALUE);
    double to = Math.clamp(back(high), -Double.MAX_VALUE, Double.MAX_VALUE);
    if (kind == Kind.LINEAR || kind == Kind.LOGARITHMIC && to / from < 20) {
      return linear(from, to, TICKS);
    }
    double most = Math.max(Math.abs(from), Math.abs(to));
    double least = kind == Kind.SIGNED ? near : from;
    List<Double> kept = new ArrayList<>();
    if (from <= 0 && to >= 0) {
      kept.add(0.0);
    }
    double apart = (high - low) / (TICKS + 3);
    double last = Math.log10(Math.max(least, Double.MIN_NORMAL)) - 1;
    for (int power = (int) Math.ceil(Math.log10(most)); power >= last; power--) {
      for (double sign : new double[] {1, -1}) {
        double value = sign * Math.pow(10, power);
        boolean clear = kept.stream().allMatch(k -> Math.abs(to(k) - to(value)) >= apart);
        if (value >= from && value <= to && clear) {
          kept.add(value);
        }
      }
    }
    return kept;
  }

  static List<Double> linear(double from, double to, int wanted) {
    double rough = to / wanted - from / wanted;
    if (!(rough >= Double.MIN_NORMAL)) {
      return List.of(from);
    }
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    double parts = rough / power;
    double step = power * (parts <= 1 ? 1 : parts <= 2 ? 2 : parts <= 5 ? 5 : 10);
    List<Double> ticks = new ArrayList<>();
    double first = Math.ceil(from / step);
    for (int i = 0; i <= 2 * wanted && (first + i) * step <= to; i++) {
      double value = (first + i) * step;
      if (ticks.isEmpty() || value > ticks.getLast()) { // not where steps are below the roundoff
        ticks.add(value);
      }
    }
    return ticks;
  }

  /** A tick in few characters. */
  static String label(double value) {
    BigDecimal rounded = new BigDecimal(value).round(new MathContext(4)).stripTrailingZeros();
    double size = Math.abs(value);
    return size != 0 && (size >= 1e5 || size < 1e-3) ? powered(rounded) : rounded.toPlainString();
  }

  /** A step, exactly. */
  static String step(double value) {
    BigDecimal step = new BigDecimal(value).stripTrailingZeros();
    return Math.abs(value) < MOST_PLAIN ? step.toPlainString() : powered(step);
  }

  private static String powered(BigDecimal value) {
    int power = value.precision() - value.scale() - 1;
    return value.scaleByPowerOfTen(-power).stripTrailingZeros().toPlainString() + "e" + power;
  }
}
