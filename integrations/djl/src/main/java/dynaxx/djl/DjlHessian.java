package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import ai.djl.training.loss.Loss;
import dynaxx.device.Device;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The Hessian of any block's loss over fixed examples, by double backward through DJL's PyTorch
 * engine. It reads the block's arrays where they are and copies no parameter; it writes into
 * nothing of the block: no gradient, no running statistic.
 *
 * <p>The loss is recorded once, when the operator is made; each product runs the recorded graph
 * backwards. If parameters change before the operator is closed, products are still those of the
 * recorded ones, or the engine throws where it needs the old values. Vectors hold the parameters
 * with a gradient in the order of {@code block.getParameters()}, the same as in {@link DjlNetwork}.
 *
 * <p>Close it: it holds a graph in native memory.
 */
public final class DjlHessian implements SymmetricOperator {

  private final SymmetricOperator products;
  private final PtNDManager manager;
  private final Retained retained = new Retained();
  private final AutogradScript script;
  private final IValue leaves;
  private final IValue gradient;
  private final double loss;
  private final float[] gradientValues;
  private boolean closed;

  /**
   * Records the loss with running statistics in batch normalisation and without dropout.
   *
   * @param block initialized, on the PyTorch engine
   * @param loss as in the training
   * @param data inputs of the examples
   * @param labels their labels
   * @param device where the estimators work
   * @throws IllegalArgumentException if the block has no values, runs on another engine, does not
   *     take its parameters from the store, or draws random numbers
   */
  public DjlHessian(Block block, Loss loss, NDList data, NDList labels, Device device) {
    this(block, loss, data, labels, BatchNormMode.RUNNING, device);
  }

  /**
   * Records the loss.
   *
   * @param block initialized, on the PyTorch engine
   * @param loss as in the training
   * @param data inputs of the examples
   * @param labels their labels
   * @param mode statistics of batch normalisation
   * @param device where the estimators work
   * @throws IllegalArgumentException if the block has no values, runs on another engine, does not
   *     take its parameters from the store, or draws random numbers, as dropout does with batch
   *     statistics
   */
  public DjlHessian(
      Block block, Loss loss, NDList data, NDList labels, BatchNormMode mode, Device device) {
    Objective objective = new Objective(block, loss, data, labels, mode);
    this.products = SymmetricOperator.ofSegments(objective.size(), device, this::multiply);
    this.manager = subManager(objective.manager());
    try (GradientMode _ = GradientMode.on(manager.getEngine())) {
      script = AutogradScript.get();
      List<PtNDArray> own = leaves(objective.parameters());
      NDArray value = retained.record(() -> objective.at(manager, own));
      PtNDArray[] found = script.gradient(value, own);
      this.loss = HostCopies.scalar(value);
      objective.requireSame(this.loss);
      this.gradientValues = flat(found);
      this.leaves = IValue.listFrom(own.toArray(PtNDArray[]::new));
      this.gradient = IValue.listFrom(found);
    } catch (RuntimeException | Error e) {
      manager.close();
      throw e;
    }
  }

  private static PtNDManager subManager(NDManager of) {
    if (of.newSubManager() instanceof PtNDManager manager) {
      manager.setName("dynaxx");
      return manager;
    }
    throw new IllegalArgumentException(
        "block: found arrays of the engine "
            + of.getEngine().getEngineName()
            + ", expected PyTorch; DjlGradients works with any engine that has gradients");
  }

  /** The parameters' own memory, as arrays with a gradient of their own. */
  private List<PtNDArray> leaves(List<Parameter> parameters) {
    List<PtNDArray> own = new ArrayList<>();
    for (Parameter parameter : parameters) {
      PtNDArray leaf = (PtNDArray) parameter.getArray().stopGradient();
      leaf.attach(manager);
      leaf.setRequiresGradient(true);
      leaf.setName("w[]");
      own.add(leaf);
    }
    return own;
  }

  private float[] flat(PtNDArray[] arrays) {
    FloatBuffer all = FloatBuffer.allocate(Math.toIntExact(dimension()));
    Stream.of(arrays).forEach(a -> all.put(HostCopies.floats(a)));
    return all.array();
  }

  /**
   * The loss at the recorded parameters.
   *
   * @return as the loss function gives it
   */
  public double loss() {
    return loss;
  }

  /**
   * Its gradient.
   *
   * @return a copy, n values
   */
  public float[] gradient() {
    return gradientValues.clone();
  }

  @Override
  public long dimension() {
    return products.dimension();
  }

  @Override
  public Device device() {
    return products.device();
  }

  /**
   * Products with k vectors, one after the other.
   *
   * @throws IllegalStateException if the operator has been closed
   */
  @Override
  public void apply(Vectors v, Vectors hv) {
    if (closed) {
      throw new IllegalStateException("hessian: found a closed operator, expected an open one");
    }
    products.apply(v, hv);
  }

  private void multiply(MemorySegment in, MemorySegment out) {
    ByteBuffer values = in.asByteBuffer().order(ByteOrder.nativeOrder());
    try (PtNDManager temporary = (PtNDManager) manager.newSubManager()) {
      PtNDArray v = temporary.create(values, new Shape(dimension()), DataType.FLOAT32);
      HostCopies.copy(script.product(gradient, leaves, v, temporary), out);
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      gradient.close();
      leaves.close();
      manager.close();
    }
  }
}
