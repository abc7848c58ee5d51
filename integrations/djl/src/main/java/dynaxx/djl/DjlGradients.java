package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import dynaxx.device.Device;
import dynaxx.operator.GradientDifference;
import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Gradients of any block's loss over fixed examples, on any engine of DJL that has them. Products
 * are differences of gradients then ({@link #operator}): good for the largest eigenvalue and the
 * trace, not for the sign of a small one. On PyTorch {@link DjlHessian} gives exact ones.
 *
 * <p>Batch normalisation uses running statistics; dropout is left out. The block is read only.
 */
public final class DjlGradients {

  private final Objective objective;

  /**
   * Gradients over fixed examples.
   *
   * @param block initialized
   * @param loss as in the training
   * @param data inputs of the examples; stay with the caller, who closes them after the last call
   * @param labels their labels
   * @throws IllegalArgumentException if the block has no values
   */
  public DjlGradients(Block block, Loss loss, NDList data, NDList labels) {
    this.objective = new Objective(block, loss, data, labels, BatchNormMode.RUNNING);
    objective.requireSame(objective.evaluate());
  }

  /**
   * The block's parameters with a gradient, in its order.
   *
   * @return a copy of the values as they are, n of them
   */
  public float[] parameters() {
    FloatBuffer all = FloatBuffer.allocate(Math.toIntExact(objective.size()));
    objective.parameters().forEach(p -> all.put(HostCopies.floats(p.getArray())));
    return all.array();
  }

  /**
   * The gradient at any parameters.
   *
   * @param parameters n values, as {@link #parameters} orders them
   * @param gradient receives n values
   * @throws IllegalArgumentException if lengths do not fit
   */
  public void gradient(float[] parameters, float[] gradient) {
    require("parameters", parameters);
    require("gradient", gradient);
    try (NDManager manager = objective.manager().newSubManager();
        GradientCollector collector = manager.getEngine().newGradientCollector()) {
      List<NDArray> leaves = leaves(manager, parameters);
      Retained retained = new Retained();
      collector.backward(retained.record(() -> objective.at(manager, leaves)));
      Reference.reachabilityFence(retained);
      int at = 0;
      for (NDArray leaf : leaves) {
        float[] values = HostCopies.floats(leaf.getGradient());
        System.arraycopy(values, 0, gradient, at, values.length);
        at += values.length;
      }
    }
  }

  private void require(String name, float[] values) {
    if (values.length != objective.size()) {
      throw new IllegalArgumentException(
          name + ": found " + values.length + " values, expected " + objective.size());
    }
  }

  private List<NDArray> leaves(NDManager manager, float[] parameters) {
    List<NDArray> leaves = new ArrayList<>();
    int at = 0;
    for (Parameter parameter : objective.parameters()) {
      NDArray own = parameter.getArray();
      int size = Math.toIntExact(own.size());
      NDArray leaf = manager.create(FloatBuffer.wrap(parameters, at, size), own.getShape());
      leaf.setRequiresGradient(true);
      leaves.add(leaf);
      at += size;
    }
    return leaves;
  }

  /**
   * The Hessian at the block's parameters of the moment, by differences of gradients.
   *
   * @param device where the estimators work
   * @return the operator
   */
  public GradientDifference operator(Device device) {
    return GradientDifference.ofArrays(parameters(), device, this::gradient);
  }
}
