package dynaxx.app.train;

/**
 * Up and down in straight lines, again and again (Smith, 2017).
 *
 * @param least learning rate at the start of a period
 * @param most learning rate in its middle
 * @param period steps, at least 2
 */
public record Triangular(double least, double most, int period) implements LearningRates {
  @Override
  public double at(int step) {
    double position = (step % period) / (double) period;
    return least + (most - least) * (1 - Math.abs(2 * position - 1));
  }
}
