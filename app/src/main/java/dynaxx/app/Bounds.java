package dynaxx.app;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks counts before anything is computed with them. */
final class Bounds {

  /** More steps than any training makes, and few enough that sums of them stay exact. */
  static final int MOST_STEPS = 1_000_000_000;

  /** The standard error falls with the root of the number: more are no use. */
  static final int MOST_PROBES = 1_000_000;

  private static final int THREADS_OF_ANY = 64;
  private static final int THREADS_FOR_EACH = 4;

  private Bounds() {}

  /**
   * A count within its limits.
   *
   * @param value or null if the option was not given
   * @return the value
   */
  static Integer check(CommandSpec spec, String option, Integer value, int least, int most) {
    return check(spec, option, value, least, most, "");
  }

  /** Worker threads; more than there are processors only help tests. */
  static Integer threads(CommandSpec spec, Integer value) {
    int processors = Runtime.getRuntime().availableProcessors();
    int most = Math.max(THREADS_OF_ANY, THREADS_FOR_EACH * processors);
    String why = " (this machine has " + processors + " processors)";
    return check(spec, "--threads", value, 1, most, why);
  }

  private static Integer check(
      CommandSpec spec, String option, Integer value, int least, int most, String why) {
    if (value != null && (value < least || value > most)) {
      throw new ParameterException(
          spec.commandLine(),
          option + ": found " + value + ", expected from " + least + " to " + most + why);
    }
    return value;
  }
}
