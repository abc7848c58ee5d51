package dynaxx.device.cpu;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/**
 * Chooses the row primitives. Only {@link VectorRowLoops} and what it uses refer to the Vector API,
 * and only from here.
 */
final class Simd {

  /** System property; {@code off} forces plain Java. */
  static final String PROPERTY = "dynaxx.simd";

  private static final String MODULE = "jdk.incubator.vector";

  private Simd() {}

  static RowLoops kernels() {
    if ("off".equalsIgnoreCase(System.getProperty(PROPERTY))) {
      return new ScalarRowLoops();
    }
    return Holder.BEST;
  }

  /** Decided once, so that the warning comes once. */
  private static final class Holder {
    static final RowLoops BEST = choose();

    private static RowLoops choose() {
      Logger log = System.getLogger("dynaxx.backend.cpu");
      String reason = "module " + MODULE + " is not resolved";
      if (readable()) {
        try {
          return new VectorRowLoops();
        } catch (LinkageError | RuntimeException e) {
          reason = e.toString();
        }
      }
      log.log(
          Level.WARNING,
          "plain Java loops are used, several times slower than vectors: {0}; start the JVM with"
              + " --add-modules {1}",
          reason,
          MODULE);
      return new ScalarRowLoops();
    }

    /** By name and not by layer: a launcher may have loaded the module after the start. */
    private static boolean readable() {
      Class<?> own = Simd.class;
      try {
        Class<?> vectors = Class.forName(MODULE + ".FloatVector", false, own.getClassLoader());
        return own.getModule().canRead(vectors.getModule());
      } catch (ClassNotFoundException e) {
        return false;
      }
    }
  }
}
