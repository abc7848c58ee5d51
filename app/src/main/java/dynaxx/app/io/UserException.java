package dynaxx.app.io;

/** Something the user can put right; the message says what was found and what was expected. */
public final class UserException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public UserException(String message) {
    super(message);
  }

  /** With what it followed from, for those who ask for the trace. */
  public UserException(String message, Throwable cause) {
    super(message, cause);
  }
}
