package dynaxx.function;

/**
 * A function of one number, with its first and second derivative, that is applied to every element
 * of an array: an {@link Activation}, for which devices have fast paths, or an {@link Elementary}
 * function.
 */
public sealed interface Pointwise permits Activation, Elementary {

  /**
   * Name for messages.
   *
   * @return for example {@code tanh}
   */
  String label();
}
