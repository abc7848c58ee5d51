package dynaxx.testing;

import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import java.util.List;

/**
 * The backend of tests that any backend must pass: the CPU, or the one that {@code
 * -Ddynaxx.test.backend} names.
 */
public final class TestBackend {

  /** System property with the name of a backend. */
  public static final String PROPERTY = "dynaxx.test.backend";

  /** System property: {@code true} if a vendor's library computes the backend's products. */
  private static final String VENDOR_PRODUCTS = "dynaxx.test.vendorProducts";

  /** System property: names of known cases that miss their tolerance, for a known reason. */
  private static final String MISSES = "dynaxx.test.misses";

  private TestBackend() {}

  /** Whether products of one shape may have other bits than the same ones within another shape. */
  public static boolean vendorProducts() {
    return Boolean.getBoolean(VENDOR_PRODUCTS);
  }

  /** Whether a case is named as one that misses. */
  public static boolean misses(KnownCase c) {
    return List.of(System.getProperty(MISSES, "").split(",")).contains(c.toString());
  }

  public static Backend open(int threads) {
    return Backends.open(System.getProperty(PROPERTY, "cpu"), threads);
  }
}
