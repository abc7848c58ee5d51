package dynaxx.network;

import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.Step;
import java.util.Objects;

/**
 * Examples with their targets.
 *
 * @param inputs examples x input values; class or token numbers are whole numbers held as float32
 * @param targets examples x target values
 * @param examples how many, at least 1
 */
public record Batch(Buffer inputs, Buffer targets, int examples) {

  /**
   * Checks host data against a network and a loss.
   *
   * @param network takes the inputs
   * @param loss takes the targets
   * @param inputs whole examples, one after the other
   * @param targets as many targets
   * @return the batch, over the same memory
   * @throws IllegalArgumentException naming the argument, what was found and what was expected
   */
  public static Batch of(Network network, Loss loss, HostBuffer inputs, HostBuffer targets) {
    long inputSize = network.inputShape().size();
    long examples = inputs.size() / inputSize;
    if (examples == 0 || inputs.size() % inputSize != 0) {
      throw new IllegalArgumentException(
          "inputs: found "
              + inputs.size()
              + " values, expected a positive multiple of "
              + inputSize);
    }
    Shape.requireSize("targets", targets.size(), examples * loss.targetSize(network.outputShape()));
    loss.check(network.outputShape(), targets);
    for (Step step : network.steps()) {
      for (int input : step.inputs()) {
        if (input == 0) {
          step.op().checkData(inputs, network.inputShape());
        }
      }
    }
    return new Batch(inputs, targets, Math.toIntExact(examples));
  }

  /**
   * This batch, after the checks of {@link #of} if its values are in host memory.
   *
   * @param network takes the inputs
   * @param loss takes the targets
   * @return this
   * @throws IllegalArgumentException naming the argument, what was found and what was expected
   */
  public Batch checked(Network network, Loss loss) {
    if (inputs instanceof HostBuffer in && targets instanceof HostBuffer out) {
      of(network, loss, in, out);
    }
    return this;
  }

  /**
   * Some of the examples.
   *
   * @param from the first
   * @param count how many, at least 1
   * @return a view
   */
  public Batch slice(int from, int count) {
    Objects.checkFromIndexSize(from, count, examples);
    long in = inputs.size() / examples;
    long out = targets.size() / examples;
    return new Batch(
        inputs.slice(from * in, count * in), targets.slice(from * out, count * out), count);
  }

  /**
   * The same examples where a device computes.
   *
   * @param device the destination
   * @param scope owns the memory if there is a copy
   * @return this batch if it is there already, or in memory that both share
   */
  public Batch on(Device device, Scope scope) {
    if (inputs instanceof HostBuffer in && targets instanceof HostBuffer out) {
      return new Batch(
          device.upload(scope, in.segment()), device.upload(scope, out.segment()), examples);
    }
    return this;
  }
}
