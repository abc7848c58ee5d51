package dynaxx.backend;

/** Found by {@link java.util.ServiceLoader}; one for each kind of backend. */
public interface BackendProvider {

  /**
   * Name for {@code -Ddynaxx.backend}.
   *
   * @return lower case, for example {@code cpu}
   */
  String name();

  /**
   * Rank among the available ones in {@code auto} mode; the highest is taken. The CPU has 0.
   *
   * @return the rank
   */
  int priority();

  /**
   * Looks whether the backend can be used, without side effects that outlast the call. Never
   * throws.
   *
   * @return the answer
   */
  Availability availability();

  /**
   * Opens it.
   *
   * @param threads host threads it may use, at least 1
   * @return a new backend, to be closed by the caller
   */
  Backend open(int threads);
}
