package dynaxx.testing;

import dynaxx.device.Device;
import dynaxx.device.Devices;

/**
 * The device of tests that any device must pass: the CPU, or the one that {@code
 * -Ddynaxx.test.device} names.
 */
public final class TestDevice {

  /** System property with the name of a device. */
  public static final String PROPERTY = "dynaxx.test.backend";

  /** System property: {@code true} if a vendor's library computes the device's products. */
  private static final String VENDOR_PRODUCTS = "dynaxx.test.vendorProducts";

  private TestDevice() {}

  /** Whether it is the CPU. */
  public static boolean isHost() {
    return System.getProperty(PROPERTY, "cpu").equals("cpu");
  }

  /** Whether products of one shape may have other bits than the same ones within another shape. */
  public static boolean vendorProducts() {
    return Boolean.getBoolean(VENDOR_PRODUCTS);
  }

  public static Device open(int threads) {
    return Devices.open(System.getProperty(PROPERTY, "cpu"), threads);
  }
}
