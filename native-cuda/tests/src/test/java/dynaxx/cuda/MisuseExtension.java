package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.DynamicTestInvocationContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;

/** Fails every test, also core's, in which the emulator has found misuse of the device. */
public final class MisuseExtension
    implements AfterEachCallback, AfterAllCallback, InvocationInterceptor {

  private static long known;

  /** For {@link java.util.ServiceLoader}. */
  public MisuseExtension() {}

  private static synchronized void check() {
    if (!Emulator.present()) {
      return;
    }
    Emulator.Report found = Emulator.misuse();
    if (found.count() < known) {
      known = 0;
    }
    if (found.count() > known) {
      known = found.count();
      fail("misuse of the device, the last of these:\n" + found.text());
    }
  }

  @Override
  public void interceptDynamicTest(
      Invocation<Void> invocation,
      DynamicTestInvocationContext context,
      ExtensionContext extensionContext)
      throws Throwable {
    invocation.proceed();
    check();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    check();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    check();
  }
}
