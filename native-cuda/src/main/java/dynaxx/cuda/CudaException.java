package dynaxx.cuda;

/**
 * A call of the CUDA driver or of cuBLAS failed. Launches are asynchronous, so a call can report
 * the failure of an earlier one.
 */
public final class CudaException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final String call;
  private final int status;

  /**
   * A failed call.
   *
   * @param call the C function
   * @param status what it returned
   * @param name symbolic name of the status
   * @param text the library's explanation
   */
  public CudaException(String call, int status, String name, String text) {
    super(call + ": status " + status + " (" + name + "): " + text);
    this.call = call;
    this.status = status;
  }

  /**
   * The function that failed.
   *
   * @return its C name
   */
  public String call() {
    return call;
  }

  /**
   * What it returned.
   *
   * @return the number of the status in cuda.h or cublas_api.h
   */
  public int status() {
    return status;
  }
}
