package dynaxx.onnx;

/**
 * A file that is no ONNX model, is damaged, or holds something that is not supported; the message
 * names the file, the node, what was found and what was expected.
 */
public final class OnnxException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /**
   * An exception.
   *
   * @param message what was found and what was expected
   */
  public OnnxException(String message) {
    super(message);
  }

  OnnxException(String message, Throwable cause) {
    super(message, cause);
  }
}
