package dynaxx.network.op;

/**
 * An op that is linear in inputs and parameters together, and so has no second-order term of its
 * own.
 */
interface JointlyLinear extends Op {

  @Override
  default boolean readsInput(int input) {
    return false;
  }

  @Override
  default boolean readsOutput() {
    return false;
  }

  @Override
  default void curvature(Frame f) {
    // Nothing to add: d2f = 0.
  }
}
