package dynaxx.cuda.internal;

/** Why a library, a device or a kernel image cannot be used here, in one line. */
public final class LoadException extends IllegalStateException {

  private static final long serialVersionUID = 1L;

  /**
   * States the reason.
   *
   * @param reason one line
   */
  public LoadException(String reason) {
    super(reason);
  }
}
