package dynaxx.samediff;

import dynaxx.device.Device;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.SnapshotSource;
import dynaxx.operator.GradientDifference;
import dynaxx.spectrum.SpectrumProbe;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Gradients of a SameDiff graph's loss over fixed examples. SameDiff has no second derivative, so
 * products are differences of gradients ({@link #operator}): good for the largest eigenvalue and
 * the trace, not for the sign of a small one.
 *
 * <p>Everything is computed in a copy of the graph; the program's own is only read. A graph that
 * gives another gradient at every call, because of a random op, is refused.
 */
public final class SameDiffGradients {

  /** Tried one after the other, until the loss changes along the gradient as it should. */
  private static final int STEPS = 5;

  private final SameDiff original;
  private final SameDiff copy;
  private final Map<String, INDArray> batch;
  private final List<String> names;
  private final int size;
  private boolean compared;

  /**
   * Gradients over fixed examples.
   *
   * @param graph with a loss (setLossVariables, or a training configuration) and float32 variables
   * @param batch a value for each placeholder, by its name; stays with the caller
   * @throws IllegalArgumentException if the graph has no loss, no variables, variables of another
   *     type, or if the batch's names are not those of its placeholders
   */
  public SameDiffGradients(SameDiff graph, Map<String, INDArray> batch) {
    this.original = graph;
    this.batch = Map.copyOf(batch);
    this.names =
        graph.variables().stream()
            .filter(v -> v.getVariableType() == VariableType.VARIABLE)
            .map(SDVariable::name)
            .sorted()
            .toList();
    this.size = check();
    this.copy = graph.dup();
  }

  private int check() {
    if (original.getLossVariables() == null || original.getLossVariables().isEmpty()) {
      throw new IllegalArgumentException(
          "graph: found no loss, expected one named by setLossVariables");
    }
    if (!batch.keySet().equals(Set.copyOf(original.inputs()))) {
      throw new IllegalArgumentException(
          "batch: found values for "
              + new TreeSet<>(batch.keySet())
              + ", expected one for each of "
              + new TreeSet<>(original.inputs()));
    }
    long total = 0;
    for (String name : names) {
      INDArray values = original.getArrForVarName(name);
      if (values.dataType() != DataType.FLOAT) {
        throw new IllegalArgumentException(
            "graph: found variable " + name + " of type " + values.dataType() + ", expected FLOAT");
      }
      total += values.length();
    }
    if (total == 0 || total > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "graph: found " + total + " values in variables, expected 1 to 2^31 - 9");
    }
    return (int) total;
  }

  /**
   * The graph's variables as they are.
   *
   * @return a copy of n values: the variables in the order of their names, each in C order
   */
  public float[] parameters() {
    float[] all = new float[size];
    int at = 0;
    for (String name : names) {
      at = put(original.getArrForVarName(name), all, at);
    }
    return all;
  }

  private static int put(INDArray values, float[] all, int at) {
    float[] flat = values.dup('c').data().asFloat();
    System.arraycopy(flat, 0, all, at, flat.length);
    return at + flat.length;
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
    move(parameters);
    Map<String, INDArray> gradients = gradients();
    int at = 0;
    for (String name : names) {
      at = put(gradients.get(name), gradient, at);
    }
  }

  private Map<String, INDArray> gradients() {
    try {
      return copy.calculateGradients(batch, names);
    } catch (UnsupportedOperationException e) {
      String op = e.getStackTrace()[0].getClassName();
      throw new IllegalStateException(
          "graph: found an op that SameDiff cannot differentiate ("
              + op.substring(op.lastIndexOf('.') + 1)
              + "), expected only such that it can",
          e);
    }
  }

  private void require(String name, float[] values) {
    if (values.length != size) {
      throw new IllegalArgumentException(
          name + ": found " + values.length + " values, expected " + size);
    }
  }

  /** Puts the copy at these parameters. */
  private void move(float[] parameters) {
    int at = 0;
    for (String name : names) {
      INDArray own = copy.getArrForVarName(name);
      int length = (int) own.length();
      float[] values = Arrays.copyOfRange(parameters, at, at + length);
      own.assign(Nd4j.createFromArray(values).reshape('c', own.shape()));
      at += length;
    }
  }

  private double loss(float[] parameters) {
    move(parameters);
    return copy.output(batch, copy.getLossVariables()).values().stream()
        .mapToDouble(loss -> loss.sumNumber().doubleValue())
        .sum();
  }

  /**
   * The Hessian at the graph's variables of the moment, by differences of gradients. The first call
   * compares the gradient with losses on both sides.
   *
   * @param device where the estimators work
   * @return the operator
   * @throws IllegalStateException if SameDiff's gradient is not that of the graph's loss, differs
   *     from call to call, or does not exist
   */
  public GradientDifference operator(Device device) {
    float[] parameters = parameters();
    if (!compared) {
      compareWithLoss(parameters);
      compared = true;
    }
    return GradientDifference.ofArrays(parameters, device, this::gradient);
  }

  /**
   * SameDiff's gradient ops do not all pass on what comes after them: see docs/other-stacks.md.
   * Near a minimum the third derivative hides the slope, unless the step is short enough.
   */
  private void compareWithLoss(float[] parameters) {
    float[] gradient = new float[size];
    gradient(parameters, gradient);
    double slope = norm(gradient);
    requireSame(gradient, parameters);
    double step = 1e-3 * norm(parameters) + 1e-4;
    double before = Double.NaN;
    for (int i = 0; i < STEPS && slope > 0; i++) {
      double above = loss(along(parameters, gradient, step / slope));
      double below = loss(along(parameters, gradient, -step / slope));
      double measured = (above - below) / (2 * step);
      double rounding = 0x1p-20 * Math.max(Math.abs(above), Math.abs(below)) / step;
      if (Math.abs(measured - slope) <= 0.2 * slope + rounding) {
        return;
      }
      boolean settled = Math.abs(measured - before) <= 0.05 * Math.abs(measured) + rounding;
      if (settled || i == STEPS - 1) {
        throw new IllegalStateException(
            String.format(
                Locale.ROOT,
                "gradient: found norm %.4g from SameDiff, expected about %.4g, by which its loss"
                    + " changes along that gradient",
                slope,
                measured));
      }
      before = measured;
      step /= 8;
    }
  }

  /** Noise of that size would make a difference of gradients meaningless. */
  private void requireSame(float[] gradient, float[] parameters) {
    float[] again = new float[size];
    gradient(parameters, again);
    double difference = norm(along(again, gradient, -1));
    if (difference > 1e-3 * norm(gradient)) {
      throw new IllegalStateException(
          String.format(
              Locale.ROOT,
              "gradient: found two that differ by %.2g at the same parameters, expected the same;"
                  + " is dropout or another random op in the graph?",
              difference));
    }
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  private static float[] along(float[] from, float[] direction, double step) {
    float[] moved = new float[from.length];
    for (int i = 0; i < from.length; i++) {
      moved[i] = (float) (from[i] + step * direction[i]);
    }
    return moved;
  }

  /**
   * Begins with a monitor of the graph; its variables are read at each snapshot.
   *
   * @param probe not closed by the monitor
   * @param device where the estimators work
   * @return a builder
   */
  public PhaseMonitor.Builder monitor(SpectrumProbe probe, Device device) {
    return PhaseMonitor.of(SnapshotSource.of(probe, size, () -> operator(device)));
  }
}
