package dynaxx.nativecpu;

/** Why the library cannot be used here; the message is one line for the user. */
final class UnavailableException extends Exception {

  private static final long serialVersionUID = 1;

  UnavailableException(String message) {
    super(message);
  }
}
