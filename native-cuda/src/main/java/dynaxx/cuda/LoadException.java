package dynaxx.cuda;

/** Why a library, a device or a kernel image cannot be used here, in one line. */
final class LoadException extends IllegalStateException {

  private static final long serialVersionUID = 1L;

  /**
   * States the reason.
   *
   * @param reason one line
   */
  LoadException(String reason) {
    super(reason);
  }
}
