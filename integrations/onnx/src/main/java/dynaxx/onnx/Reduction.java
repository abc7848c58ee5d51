package dynaxx.onnx;

/** What the positions of an axis are combined by. */
enum Reduction {
  SUM,
  MEAN,
  MAX,
  MIN,
  PRODUCT;

  /** Two numbers as one; the mean is a sum that is divided in the end. */
  double of(double a, double b) {
    return switch (this) {
      case SUM, MEAN -> a + b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
      case PRODUCT -> a * b;
    };
  }

  long of(long a, long b) {
    return switch (this) {
      case SUM, MEAN -> Math.addExact(a, b);
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
      case PRODUCT -> Math.multiplyExact(a, b);
    };
  }

  /** A number combined with itself. */
  double repeated(double value, long times) {
    return switch (this) {
      case SUM, MEAN -> value * times;
      case MAX, MIN -> value;
      case PRODUCT -> Math.pow(value, times);
    };
  }

  long repeated(long value, long times) {
    return switch (this) {
      case SUM, MEAN -> Math.multiplyExact(value, times);
      case MAX, MIN -> value;
      case PRODUCT -> Math.powExact(value, (int) Math.min(times, 64 + times % 2));
    };
  }
}
