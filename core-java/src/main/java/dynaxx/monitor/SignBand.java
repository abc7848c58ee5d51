package dynaxx.monitor;

import dynaxx.spectrum.Verdict;
import java.util.Optional;

/**
 * The sign of lambda_min with hysteresis: it changes when several readings in a row lie beyond a
 * band about zero. A verdict, where there is one, must agree.
 */
final class SignBand {

  private static final int LEAST_FOR_NOISE = 5;

  private final CalibratedSettings settings;
  private final double[] recent;
  private int seen;
  private int sign;
  private int candidate;
  private int inRow;
  private long since;
  private boolean oscillating;

  SignBand(CalibratedSettings settings) {
    this.settings = settings;
    this.recent = new double[settings.crossingWindow()];
  }

  void reset() {
    seen = 0;
    sign = 0;
    inRow = 0;
    candidate = 0;
    oscillating = false;
  }

  /** Takes a reading with the half width of the band; true if the sign has changed. */
  boolean add(double value, double half, Optional<Verdict> verdict, long step) {
    recent[seen++ % recent.length] = value;
    int side = Math.abs(value) <= half || !agrees(value, verdict) ? 0 : value > 0 ? 1 : -1;
    if (side == 0 || side != candidate) {
      candidate = side;
      inRow = 0;
      since = step;
    }
    inRow = side == 0 ? 0 : inRow + 1;
    if (inRow < settings.persistence() || side == sign) {
      return false;
    }
    boolean changed = sign != 0 && crossings() < settings.crossings();
    sign = side;
    return changed;
  }

  /** True once when the readings begin to cross zero again and again. */
  boolean beginsToOscillate() {
    boolean many = crossings() >= settings.crossings();
    boolean begins = many && !oscillating;
    oscillating = many || oscillating && crossings() > 0;
    return begins;
  }

  private static boolean agrees(double value, Optional<Verdict> verdict) {
    return verdict
        .map(
            v ->
                switch (v) {
                  case Verdict.Negative negative -> value < 0;
                  case Verdict.NotNegativeAt none -> value > 0;
                  case Verdict.NegativeWithinNoise within -> false;
                  case Verdict.Undecided undecided -> false;
                })
        .orElse(true);
  }

  /**
   * Standard deviation of the readings about their course, from the last differences of neighbours;
   * 0 if there are too few.
   */
  double noise() {
    int n = Math.min(seen, recent.length);
    if (n < LEAST_FOR_NOISE) {
      return 0;
    }
    double[] ordered = new double[n];
    for (int i = 0; i < n; i++) {
      ordered[i] = recent[(seen - n + i) % recent.length];
    }
    return Robust.noise(ordered);
  }

  /** Changes of sign among the last readings. */
  int crossings() {
    int n = Math.min(seen, recent.length);
    int changes = 0;
    for (int i = 1; i < n; i++) {
      double before = recent[(seen - n + i - 1) % recent.length];
      double now = recent[(seen - n + i) % recent.length];
      changes += before < 0 != now < 0 ? 1 : 0;
    }
    return changes;
  }

  int sign() {
    return sign;
  }

  long since() {
    return since;
  }
}
