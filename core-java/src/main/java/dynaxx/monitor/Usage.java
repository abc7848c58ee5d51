package dynaxx.monitor;

/**
 * What a monitor has taken.
 *
 * @param hostSeconds time of the training between its calls
 * @param ownSeconds time in snapshots, rules and sinks
 * @param full snapshots with the host's settings
 * @param fewerSteps snapshots with fewer Lanczos steps
 * @param cheap snapshots from stored vectors
 */
public record Usage(double hostSeconds, double ownSeconds, int full, int fewerSteps, int cheap) {

  /**
   * The monitor's share of the wall time.
   *
   * @return from 0 to 1; 0 before anything was timed
   */
  public double share() {
    double all = hostSeconds + ownSeconds;
    return all > 0 ? ownSeconds / all : 0;
  }

  /**
   * All snapshots.
   *
   * @return how many
   */
  public int snapshots() {
    return full + fewerSteps + cheap;
  }
}
