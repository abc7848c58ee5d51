package dynaxx.app;

import java.lang.System.Logger.Level;
import java.lang.reflect.InvocationTargetException;

/**
 * Loads the Vector API's module when the JVM has started. With {@code --add-modules} the JVM would
 * begin every command with a warning that it is an incubator module, which nobody who only runs a
 * command can do anything about, and which no option turns off.
 *
 * <p>The JDK's own way for modules that are loaded late needs {@code --add-exports
 * java.base/jdk.internal.module=ALL-UNNAMED}, which the launcher and the jar's manifest give.
 * Without it, or with a JDK that has no such way, nothing is loaded, and the CPU's kernels say what
 * they do instead.
 */
final class VectorModule {

  private static final String NAME = "jdk.incubator.vector";

  private VectorModule() {}

  /** Loads it unless it is there already. */
  static void load() {
    if (ModuleLayer.boot().findModule(NAME).isPresent()) {
      return;
    }
    try {
      Class.forName("jdk.internal.module.Modules")
          .getMethod("loadModule", String.class)
          .invoke(null, NAME);
    } catch (ReflectiveOperationException | RuntimeException e) {
      Throwable cause = e instanceof InvocationTargetException i ? i.getCause() : e;
      System.getLogger("dynaxx.app").log(Level.DEBUG, "{0} was not loaded", NAME, cause);
    }
  }
}
