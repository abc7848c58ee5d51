package dynaxx.testing;

import dynaxx.backend.Backend;
import dynaxx.backend.Backends;

/**
 * The backend of tests that any backend must pass: the CPU, or the one that {@code
 * -Ddynaxx.test.backend} names.
 */
public final class TestBackend {

  /** System property with the name of a backend. */
  public static final String PROPERTY = "dynaxx.test.backend";

  private TestBackend() {}

  public static Backend open(int threads) {
    return Backends.open(System.getProperty(PROPERTY, "cpu"), threads);
  }
}
