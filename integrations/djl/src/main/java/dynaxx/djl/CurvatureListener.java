package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.Trainer;
import ai.djl.training.listener.TrainingListenerAdapter;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.monitor.Advice;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.SnapshotSource;
import dynaxx.monitor.StepReport;
import dynaxx.network.Loss;
import dynaxx.spectrum.SpectrumProbe;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Watches a training by {@code EasyTrain.fit}: attaches a {@link PhaseMonitor} to it.
 *
 * <pre>{@code
 * config.addTrainingListeners(CurvatureListener.network(Loss.crossEntropy(), data, labels));
 * }</pre>
 *
 * <p>Every batch is reported before its update, with its loss, size and gradient norm, and the
 * learning rate if there is an {@link AdvisedTracker}. Validation losses are reported with the
 * batch after the epoch. Snapshots measure a fixed subset, with running statistics in batch
 * normalisation and without dropout. The training has the same bits as without the listener, unless
 * advice is applied.
 *
 * <p>A listener serves one training at a time, which ends when the trainer is closed.
 */
public final class CurvatureListener extends TrainingListenerAdapter {

  /** Makes the source of snapshots once the block has its values. */
  private interface Sources {
    SnapshotSource open(Trainer trainer, Device device, Scope owned);
  }

  /** Relative; losses of float32, by different sums. */
  private static final double MOST_DIFFERENCE = 1e-3;

  private final Sources sources;
  private final List<Consumer<PhaseMonitor.Builder>> options = new ArrayList<>();
  private Supplier<Device> devices = Devices::open;
  private AdvisedTracker tracker;
  private Consumer<Advice> adviser = advice -> {};
  private Scope owned;
  private PhaseMonitor monitor;
  private long step;
  private final MeanLoss validation = new MeanLoss();

  private CurvatureListener(Sources sources) {
    this.sources = sources;
  }

  /**
   * Measures with dynaxx's own products, for blocks that {@link DjlNetwork} can read. Snapshots can
   * be made in the background ({@link #monitor}), on a CPU for example while the engine trains on
   * its GPU.
   *
   * @param loss of dynaxx, the same as the trainer's; the first batch compares their values
   * @param data inputs of the subset; must stay open until the first batch, which copies them
   * @param labels their labels, likewise
   * @return a listener
   */
  public static CurvatureListener network(Loss loss, NDList data, NDList labels) {
    return new CurvatureListener(
        (trainer, device, owned) -> {
          Shape[] shapes = data.stream().map(NDArray::getShape).toArray(Shape[]::new);
          DjlNetwork network = DjlNetwork.of(trainer.getModel().getBlock(), shapes);
          requireSame(trainer, network, loss, data, labels, device);
          SnapshotSource source = network.source(loss, data, labels, device);
          owned.onClose(source::close);
          return source;
        });
  }

  /** Another loss than the trainer's would have another curvature. */
  private static void requireSame(
      Trainer trainer, DjlNetwork network, Loss loss, NDList data, NDList labels, Device device) {
    Block block = trainer.getModel().getBlock();
    ai.djl.training.loss.Loss theirs = trainer.getLoss();
    double expected = new Objective(block, theirs, data, labels, BatchNormMode.RUNNING).value();
    double found = network.value(loss, data, labels, device);
    if (Math.abs(found - expected) > MOST_DIFFERENCE * Math.abs(expected)) {
      throw new IllegalArgumentException(
          "loss: found "
              + found
              + " for the measured examples, where "
              + theirs.getClass().getSimpleName()
              + " of the trainer has "
              + expected
              + ", expected the same loss");
    }
  }

  /**
   * Measures with products through the engine ({@link DjlHessian}) and the trainer's own loss, for
   * any block. Snapshots are made on the thread of the training and measure the spectrum alone.
   *
   * @param data inputs of the subset; must stay open as long as the training
   * @param labels their labels, likewise
   * @return a listener
   */
  public static CurvatureListener engine(NDList data, NDList labels) {
    return new CurvatureListener(
        (trainer, device, owned) -> {
          Block block = trainer.getModel().getBlock();
          SpectrumProbe probe = new SpectrumProbe();
          owned.onClose(probe::close);
          return SnapshotSource.of(
              probe,
              Objective.size(block),
              () -> new DjlHessian(block, trainer.getLoss(), data, labels, device));
        });
  }

  /**
   * Sets options of the monitor, for example {@code b -> b.every(10).sink(sink).background(2)}.
   *
   * @param setting called when the training begins
   * @return this
   */
  public CurvatureListener monitor(Consumer<PhaseMonitor.Builder> setting) {
    options.add(setting);
    return this;
  }

  /**
   * Where dynaxx computes; by default what {@link Devices#open()} chooses.
   *
   * @param device opened when the training begins, closed with it
   * @return this
   */
  public CurvatureListener on(Supplier<Device> device) {
    this.devices = device;
    return this;
  }

  /**
   * Follows advice about the learning rate.
   *
   * @param rate the tracker that the optimizer has
   * @return this
   */
  public CurvatureListener applyTo(AdvisedTracker rate) {
    this.tracker = rate;
    return this;
  }

  /**
   * Passes advice on, whatever its kind: keeping and loading checkpoints is the program's own
   * business.
   *
   * @param receiver called on the thread of the training
   * @return this
   */
  public CurvatureListener advice(Consumer<Advice> receiver) {
    this.adviser = receiver;
    return this;
  }

  @Override
  public void onTrainingBatch(Trainer trainer, BatchData batch) {
    if (monitor == null) {
      open(trainer);
    }
    MeanLoss loss = new MeanLoss();
    loss.add(trainer, batch);
    StepReport report = StepReport.at(step++).loss(loss.mean()).batchSize(loss.count());
    if (trainer.getDevices().length == 1) {
      report = report.gradientNorm(gradientNorm(trainer.getModel().getBlock()));
    }
    if (tracker != null && !Float.isNaN(tracker.lastRate())) {
      report = report.learningRate(tracker.lastRate());
    }
    if (validation.count() > 0) {
      report = report.validationLoss(validation.mean());
      validation.clear();
    }
    monitor.afterStep(report).advice().forEach(this::follow);
  }

  private void open(Trainer trainer) {
    owned = Scope.open();
    try {
      Device device = devices.get();
      owned.onClose(device::close);
      PhaseMonitor.Builder builder = PhaseMonitor.of(sources.open(trainer, device, owned));
      options.forEach(setting -> setting.accept(builder));
      monitor = builder.build();
    } catch (RuntimeException | Error e) {
      owned.close();
      throw e;
    }
  }

  private void follow(Advice advice) {
    if (tracker != null && advice instanceof Advice.LearningRate rate) {
      tracker.follow(rate);
    }
    adviser.accept(advice);
  }

  private static double gradientNorm(Block block) {
    double squares = 0;
    for (Parameter parameter : Objective.trained(block).values()) {
      try (NDArray gradient = parameter.getArray().getGradient();
          NDArray norm = gradient.norm()) {
        double value = HostCopies.scalar(norm);
        squares += value * value;
      }
    }
    return Math.sqrt(squares);
  }

  @Override
  public void onValidationBatch(Trainer trainer, BatchData batch) {
    validation.add(trainer, batch);
  }

  @Override
  public void onEpoch(Trainer trainer) {
    if (monitor != null) {
      monitor.epochEnded(step);
    }
  }

  @Override
  public void onTrainingEnd(Trainer trainer) {
    Scope scope = owned;
    PhaseMonitor ending = monitor;
    if (ending != null) {
      monitor = null;
      step = 0;
      validation.clear();
      try (scope;
          ending) {
        ending.finish();
      }
    }
  }

  /** Mean loss over the parts of batches, which lie on one device or several. */
  private static final class MeanLoss {
    private double sum;
    private long count;

    void add(Trainer trainer, BatchData batch) {
      batch
          .getLabels()
          .forEach(
              (device, labels) -> {
                NDList predictions = batch.getPredictions().get(device);
                try (NDArray value = trainer.getLoss().evaluate(labels, predictions)) {
                  long examples = labels.head().size(0);
                  float[] values = HostCopies.floats(value);
                  sum += examples * Arrays.stream(doubles(values)).average().orElse(Double.NaN);
                  count += examples;
                }
              });
    }

    private static double[] doubles(float[] values) {
      double[] result = new double[values.length];
      Arrays.setAll(result, i -> values[i]);
      return result;
    }

    double mean() {
      return sum / count;
    }

    long count() {
      return count;
    }

    void clear() {
      sum = 0;
      count = 0;
    }
  }
}
