package dynaxx.app.corpus;

import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Examples;
import dynaxx.device.Device;
import dynaxx.layer.RunningStatistics;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Step;
import dynaxx.network.pass.Tape;
import java.util.HashMap;
import java.util.Map;

/** What the batch normalisations of a network see at its parameters of the moment. */
final class FrozenStatistics {

  private static final String GAIN = ".weight";

  private FrozenStatistics() {}

  /**
   * Mean and variance of each channel over all examples.
   *
   * @return by the name of the layer, for example {@code stem.norm}
   */
  static Map<String, RunningStatistics> of(
      Family.Task task, HostBuffer parameters, Device device, long seed) {
    Network network = task.network();
    Examples examples = task.training();
    Map<String, RunningStatistics> found = new HashMap<>();
    try (Scope scope = Scope.open();
        Tape tape = new Tape(network, task.loss(), device, examples.count())) {
      Batch all =
          ExampleBatch.subset(scope, network, task.loss(), examples, examples.count(), seed);
      Batch placed = all.on(device, scope);
      tape.forward(
          device.upload(scope, parameters.segment()), placed, placed.examples(), Mode.MEASURE);
      for (Step step : network.steps()) {
        if (step.op() instanceof ChannelNorm norm) {
          int input = step.inputs()[0];
          long size = examples.count() * network.steps().get(input).shape().size();
          HostBuffer values = scope.allocate(size);
          device.download(tape.output(input).slice(0, size), values.segment());
          String name = norm.gamma().name();
          found.put(
              name.substring(0, name.length() - GAIN.length()),
              statistics(values, examples.count(), Math.toIntExact(norm.gamma().size())));
        }
      }
    }
    return found;
  }

  /** Of values [examples x channels x pixels]; the variance is that of the batch itself. */
  static RunningStatistics statistics(HostBuffer values, int examples, int channels) {
    long pixels = values.size() / examples / channels;
    float[] means = new float[channels];
    float[] variances = new float[channels];
    for (int c = 0; c < channels; c++) {
      double sum = 0;
      double squares = 0;
      for (long e = 0; e < examples; e++) {
        for (long p = 0; p < pixels; p++) {
          double value = values.get((e * channels + c) * pixels + p);
          sum += value;
          squares += value * value;
        }
      }
      double count = (double) examples * pixels;
      means[c] = (float) (sum / count);
      variances[c] = (float) Math.max(0, squares / count - sum / count * (sum / count));
    }
    return RunningStatistics.of(means, variances);
  }
}
