package dynaxx.djl;

/** A block that does something that dynaxx does not know; the message names both. */
public final class UnsupportedBlockException extends IllegalArgumentException {

  private static final long serialVersionUID = 1L;

  UnsupportedBlockException(String message, Throwable cause) {
    super(message, cause);
  }
}
