package dynaxx.cuda;

import java.util.Objects;

/**
 * How a CUDA device is opened.
 *
 * @param device ordinal of the device, 0 for the first; not used with a context of another library
 * @param precision of matrix products
 * @param memoryLimit bytes of device memory that the device may hold at most
 * @param context a CUcontext that another library owns, or 0 for the primary context, which the
 *     CUDA run-time API and the frameworks built on it use too
 * @param stream a CUstream of that context that another library owns, so that its work and this
 *     device's are in order (1 for the legacy default stream, 2 for the calling thread's), or 0 to
 *     create a stream; with a context of another library, that stream is synchronized with the
 *     legacy default stream
 */
public record CudaSettings(
    int device, Precision precision, long memoryLimit, long context, long stream) {

  /** System property with the ordinal of the device. */
  public static final String DEVICE_PROPERTY = "dynaxx.cuda.device";

  /** The first device, float32, all of its memory, its primary context and a new stream. */
  public static final CudaSettings DEFAULT =
      new CudaSettings(0, Precision.FP32, Long.MAX_VALUE, 0, 0);

  /**
   * Checks the values.
   *
   * @param device ordinal
   * @param precision of products
   * @param memoryLimit bytes
   * @param context foreign context or 0
   * @param stream foreign stream or 0
   */
  public CudaSettings {
    Objects.requireNonNull(precision, "precision");
    if (device < 0 || memoryLimit < 1) {
      throw new IllegalArgumentException(
          "settings: found device "
              + device
              + " and memory limit "
              + memoryLimit
              + ", expected at least 0 and 1");
    }
  }

  /** The settings in the system properties. */
  static CudaSettings ofProperties() {
    String text = System.getProperty(DEVICE_PROPERTY, "0");
    if (!text.matches("\\d{1,4}")) {
      throw new IllegalArgumentException(
          "-D" + DEVICE_PROPERTY + ": found '" + text + "', expected the ordinal of a device");
    }
    return DEFAULT.withDevice(Integer.parseInt(text)).withPrecision(Precision.ofProperty());
  }

  /**
   * Another device.
   *
   * @param ordinal which
   * @return the other settings
   */
  public CudaSettings withDevice(int ordinal) {
    return new CudaSettings(ordinal, precision, memoryLimit, context, stream);
  }

  /**
   * Another precision.
   *
   * @param other of products
   * @return the other settings
   */
  public CudaSettings withPrecision(Precision other) {
    return new CudaSettings(device, other, memoryLimit, context, stream);
  }

  /**
   * A limit.
   *
   * @param bytes of device memory
   * @return the other settings
   */
  public CudaSettings withMemoryLimit(long bytes) {
    return new CudaSettings(device, precision, bytes, context, stream);
  }

  /**
   * Another library's context and stream.
   *
   * @param foreignContext CUcontext, or 0
   * @param foreignStream CUstream, or 0
   * @return the other settings
   */
  public CudaSettings on(long foreignContext, long foreignStream) {
    return new CudaSettings(device, precision, memoryLimit, foreignContext, foreignStream);
  }
}
