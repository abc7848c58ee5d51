package dynaxx.app.terminal;

import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Shows a run of Lanczos. How long a run until convergence takes is extrapolated: the residual
 * falls about geometrically, so a line is fitted to its logarithm over the later half of the steps.
 */
public final class LanczosProgress implements Consumer<Lanczos.Progress> {

  private static final int FEWEST_POINTS = 3;

  private final ProgressLine line;
  private final String name;
  private final List<double[]> history = new ArrayList<>();
  private int steps = Integer.MAX_VALUE;
  private long began;

  /**
   * Shows runs, one after the other.
   *
   * @param line where
   * @param name of what is measured
   */
  public LanczosProgress(ProgressLine line, String name) {
    this.line = line;
    this.name = name;
  }

  /**
   * Shows the first stage before its first step.
   *
   * @param cap the most steps
   */
  public void begin(int cap) {
    line.stage(name, "Lanczos step", cap);
    history.clear();
    steps = 0;
    began = System.nanoTime();
  }

  @Override
  public void accept(Lanczos.Progress progress) {
    if (progress.steps() <= steps && steps > 0) {
      // When its first step began is not known.
      begin(progress.cap());
      line.from(progress.steps());
    }
    steps = progress.steps();
    line.to(steps);
    if (progress.min().isPresent() && progress.max().isPresent()) {
      ExtremeEigenvalue min = progress.min().get();
      ExtremeEigenvalue max = progress.max().get();
      double tolerance = progress.tolerance();
      double below = excess(min, max, tolerance);
      double above = excess(max, min, tolerance);
      boolean worse = below >= above;
      ExtremeEigenvalue worst = worse ? min : max;
      line.note(
          String.format(
              Locale.ROOT,
              "%s %.3g with residual %.0e, expected %.0e",
              worse ? "lambda_min" : "lambda_max",
              worst.value(),
              worst.residual().orElse(Double.NaN),
              tolerance * Math.abs(worst.value())));
      history.add(new double[] {steps, Math.log(Math.max(below, above))});
      line.left(secondsLeft(progress.cap()));
    }
  }

  /** How many times larger than allowed residual or open distance to the bound are. */
  private static double excess(ExtremeEigenvalue one, ExtremeEigenvalue other, double tolerance) {
    double size = Math.abs(one.value());
    double scale = Math.max(size, Math.abs(other.value()));
    double residual = one.residual().orElse(Double.NaN) / (tolerance * size);
    double open = Math.abs(one.value() - one.bound().orElse(one.value()));
    double excess = Math.max(residual, open / Math.max(tolerance * size, 1e-3 * scale));
    return Double.isFinite(excess) ? Math.max(excess, 1e-12) : 1e12;
  }

  private double secondsLeft(int cap) {
    double each = (System.nanoTime() - began) / 1e9 / steps;
    return each * stepsLeft(history, steps, cap);
  }

  /**
   * Steps until the excess is 1, by a least-squares line; all that are left if it does not fall.
   */
  static double stepsLeft(List<double[]> history, int steps, int cap) {
    List<double[]> later = history.subList(history.size() / 2, history.size());
    double most = cap - steps;
    if (later.size() < FEWEST_POINTS) {
      return most;
    }
    double x = later.stream().mapToDouble(p -> p[0]).average().orElseThrow();
    double y = later.stream().mapToDouble(p -> p[1]).average().orElseThrow();
    double xx = later.stream().mapToDouble(p -> (p[0] - x) * (p[0] - x)).sum();
    double xy = later.stream().mapToDouble(p -> (p[0] - x) * (p[1] - y)).sum();
    double slope = xy / xx;
    return slope < 0 ? Math.clamp(x - y / slope - steps, 1, Math.max(1, most)) : most;
  }
}
