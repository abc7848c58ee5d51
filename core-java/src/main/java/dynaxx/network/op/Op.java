package dynaxx.network.op;

import dynaxx.kernel.Scalars;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.network.Network;
import java.util.List;

/**
 * One operation of a network, stated as five passes over a {@link Frame}. With y = f(x, w), adjoint
 * d and directional derivative R:
 *
 * <ul>
 *   <li>forward: {@code y = f(x, w)}
 *   <li>backward: {@code dx += (df/dx)' dy}, {@code dw += (df/dw)' dy}
 *   <li>tangentForward: {@code ry = (df/dx) rx + (df/dw) rw}
 *   <li>tangentBackward: {@code rdx += (df/dx)' rdy + R{(df/dx)'} dy}, and likewise {@code rdw}
 *   <li>curvature: {@code c += <dy, d2f[(rx, rw), (rx, rw)]>}, the local second-order term; summed
 *       over a network it is v'Hv
 * </ul>
 *
 * Ops are immutable and hold no data but constants: all arrays come from the frame. They treat
 * every example by itself, except those that say {@link #couplesExamples}. A frame may show one
 * example of the batch, or other adjoints than those of the loss, or inputs that depend on
 * parameters as data ({@link Frame#active} false); so backward may run many times after one forward
 * pass, and must not change what that pass saved.
 */
public interface Op {

  /**
   * Kind of operation, for messages.
   *
   * @return for example {@code linear}
   */
  String name();

  /**
   * Checks the inputs and gives the shape of the output, both without the axis of examples.
   *
   * @param inputs shapes of the inputs
   * @return shape of the output
   * @throws IllegalArgumentException naming the op, the input and both shapes, if they do not fit
   */
  Shape outputShape(List<Shape> inputs);

  /**
   * The parameters it uses.
   *
   * @return none by default
   */
  default List<Parameter> parameters() {
    return List.of();
  }

  /**
   * Arrays it needs in addition to inputs and output.
   *
   * @param inputs shapes of the inputs
   * @return none by default
   */
  default Workspace workspace(List<Shape> inputs) {
    return Workspace.NONE;
  }

  /**
   * Whether an example's output depends on the other examples of the batch. If so, the batch is
   * recorded as a whole, and there are no gradients of single examples.
   *
   * @return false by default
   */
  default boolean couplesExamples() {
    return false;
  }

  /**
   * Whether its first input must be the network's input, as token numbers are.
   *
   * @return false by default
   */
  default boolean takesData() {
    return false;
  }

  /**
   * Whether it passes the adjoint of its output on to an input, unchanged. Where {@link
   * Frame#passesOn} says that the two are one array, there is nothing to do for that input.
   *
   * @param input which
   * @return false by default
   */
  default boolean passesAdjoint(int input) {
    return false;
  }

  /**
   * Whether passes after the forward pass read an input's values, or tangentBackward its tangent.
   *
   * @param input which
   * @return true by default
   */
  default boolean readsInput(int input) {
    return true;
  }

  /**
   * Whether passes after the forward pass read its output's values.
   *
   * @return true by default
   */
  default boolean readsOutput() {
    return true;
  }

  /**
   * Whether computing its output again takes about as long as reading it: an elementwise function
   * or a norm of a row. Where memory is short, what it gives is then not kept but computed again,
   * with the same bits, by its forward pass, and for one without parameters the adjoint of its
   * input by its backward pass.
   *
   * @return false by default
   */
  default boolean cheap() {
    return false;
  }

  /**
   * What can be read of it after a forward pass, such as the entropy of attention rows. A network
   * measures every statistic of every op by its name; see {@link Network#layers}.
   *
   * @param inputs shapes of the inputs
   * @return none by default
   */
  default List<Statistic> statistics(List<Shape> inputs) {
    return List.of();
  }

  /**
   * Fixed values that it computes with, the same for every example. A tape sends them to its device
   * once; see {@link Frame#constant}.
   *
   * @return none by default
   */
  default List<float[]> constants() {
    return List.of();
  }

  /**
   * Fixed values that depend on the shapes of its inputs.
   *
   * @param inputs shapes of the inputs
   * @return {@link #constants()} by default
   */
  default List<float[]> constants(List<Shape> inputs) {
    return constants();
  }

  /**
   * Checks data that is fed to this op directly, such as token numbers.
   *
   * @param inputs all examples
   * @param shape that of one example
   * @throws IllegalArgumentException naming the position, what was found and what was expected
   */
  default void checkData(HostBuffer inputs, Shape shape) {}

  /**
   * Computes the output.
   *
   * @param f inputs, output and parameters
   */
  void forward(Frame f);

  /**
   * Adds to, or as {@link Frame#adds} says writes, the adjoints of the inputs, and adds to the
   * gradients of the parameters.
   *
   * @param f the frame of the forward pass, with adjoints
   */
  void backward(Frame f);

  /**
   * Computes the tangent of the output for k directions.
   *
   * @param f the frame, with tangents
   */
  void tangentForward(Frame f);

  /**
   * Computes the tangents of the inputs' adjoints and of the parameters' gradients for k
   * directions.
   *
   * @param f the frame, with tangents and tangents of adjoints
   */
  void tangentBackward(Frame f);

  /**
   * Adds the local second-order term of each direction; called right after {@link #tangentForward}
   * of the same op. An op that is linear in inputs and parameters together has none.
   *
   * @param f the frame, with tangents; the scratch arrays still hold what tangentForward left there
   */
  void curvature(Frame f);

  /**
   * Arrays of an op, each as values for one example (and one direction where it says so).
   *
   * @param saved kept from the forward pass to the last tangent pass
   * @param tangents kept from tangentForward to tangentBackward, for each direction
   * @param scratch used within one tangent pass, for each direction
   */
  record Workspace(List<Long> saved, List<Long> tangents, List<Long> scratch) {
    /** No arrays. */
    public static final Workspace NONE = new Workspace(List.of(), List.of(), List.of());

    /**
     * Scratch only.
     *
     * @param sizes values for one example and direction, one entry an array
     * @return the workspace
     */
    public static Workspace scratch(Long... sizes) {
      return new Workspace(List.of(), List.of(), List.of(sizes));
    }

    /**
     * Saved arrays only.
     *
     * @param sizes values for one example, one entry an array
     * @return the workspace
     */
    public static Workspace saved(Long... sizes) {
      return new Workspace(List.of(sizes), List.of(), List.of());
    }
  }

  /**
   * A mean that can be read from an op after a forward pass, without running that again. Ops of the
   * same name in the same place behind the same parameters, as over the steps of a recurrence, are
   * one layer and share one mean.
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
}
