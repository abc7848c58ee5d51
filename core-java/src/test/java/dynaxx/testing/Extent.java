package dynaxx.testing;

/**
 * How much tests run: what a change is checked with, or with {@code mvn verify -Pfull} everything.
 */
public final class Extent {

  private static final boolean FULL = Boolean.getBoolean("dynaxx.test.full");

  private Extent() {}

  /** Whether everything is run. */
  public static boolean full() {
    return FULL;
  }

  /** All of so many seeded runs, or a tenth of them, but at least one. */
  public static int runs(int all) {
    return FULL ? all : Math.max(1, all / 10);
  }
}
