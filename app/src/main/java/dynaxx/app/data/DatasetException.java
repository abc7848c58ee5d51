package dynaxx.app.data;

/**
 * A data file is missing or damaged; the message names the file, what was found and what was
 * expected.
 */
public final class DatasetException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public DatasetException(String message) {
    super(message);
  }
}
