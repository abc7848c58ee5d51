package dynaxx.kernel;

import dynaxx.layer.Activation;
import java.util.Locale;

/**
 * A function of one number, with its first and second derivative, that is applied to every element
 * of an array: an {@link Activation}, for which devices have fast paths, or an {@link Elementary}
 * function.
 */
public sealed interface Pointwise permits Pointwise.Standard, Elementary {

  /**
   * One that devices have fast paths for.
   *
   * @param activation which one
   */
  record Standard(Activation activation) implements Pointwise {
    @Override
    public String label() {
      return activation.name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * An activation as a function.
   *
   * @param activation which one
   * @return the function
   */
  static Pointwise of(Activation activation) {
    return new Standard(activation);
  }

  /**
   * Name for messages.
   *
   * @return for example {@code tanh}
   */
  String label();
}
