package dynaxx.network;

import dynaxx.memory.Scalars;

/**
 * A mean that can be read from an op after a forward pass, without computing anything again. Ops of
 * the same name in the same place behind the same parameters, as over the steps of a recurrence,
 * are one layer and share one mean.
 *
 * @param name what it is, for example {@code attention_entropy}
 * @param values how many means each op gives, for example one for each head
 * @param terms for one example, the number of terms that each value is a mean of
 * @param needsAdjoints whether it uses the adjoints as work space, so that it can only be read of
 *     ops whose input depends on parameters, and only before the backward pass
 * @param sums adds the terms
 */
public record Statistic(String name, int values, long terms, boolean needsAdjoints, Terms sums) {

  /** Adds up the terms of one op over the examples of a batch. */
  @FunctionalInterface
  public interface Terms {

    /**
     * Adds the terms.
     *
     * @param f the frame of the forward pass
     * @param sums receives one sum for each value
     */
    void addTo(Frame f, Scalars sums);
  }
}
