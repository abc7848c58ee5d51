package dynaxx.djl;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dynaxx.monitor.MonitorRecord;
import dynaxx.spectrum.Signal;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.OptionalDouble;
import java.util.zip.GZIPInputStream;

/** A convolutional network that DJL trains on Fashion-MNIST, and dynaxx watches. */
final class FashionMnistExample {

  private static final String FILES = "/dynaxx/app/data/fashion-mnist/train-";
  private static final int BATCH = 64;
  private static final int SIDE = 28;

  private FashionMnistExample() {}

  public static void main(String[] arguments) throws Exception {
    run(arguments.length > 0 ? Integer.parseInt(arguments[0]) : 4096, 2, 128);
  }

  /** Trains, prints each snapshot and event, and gives a running mean of the losses. */
  static double run(int examples, int epochs, int subset) throws Exception {
    Engine.getInstance().setRandomSeed(1);
    try (Model model = Model.newInstance("fashion-mnist")) {
      NDManager manager = model.getNDManager();
      NDArray images = images(manager, examples);
      NDArray labels = labels(manager, examples);
      model.setBlock(network());

      AdvisedTracker rate = new AdvisedTracker(Tracker.fixed(0.05f));
      LossPrinter printer = new LossPrinter();
      CurvatureListener watch =
          CurvatureListener.network(
                  dynaxx.network.Loss.crossEntropy(),
                  new NDList(images.get(":" + subset)),
                  new NDList(labels.get(":" + subset)))
              .monitor(monitor -> monitor.every(8).sink(printer::print))
              .applyTo(rate);
      DefaultTrainingConfig config =
          new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
              .optOptimizer(Optimizer.sgd().setLearningRateTracker(rate).optMomentum(0.9f).build())
              .addTrainingListeners(watch);

      ArrayDataset dataset =
          new ArrayDataset.Builder()
              .setData(images)
              .optLabels(labels)
              .setSampling(BATCH, false)
              .build();
      try (Trainer trainer = model.newTrainer(config)) {
        trainer.initialize(new Shape(BATCH, 1, SIDE, SIDE));
        EasyTrain.fit(trainer, epochs, dataset, null);
      }
      return printer.recentLoss();
    }
  }

  private static SequentialBlock network() {
    return new SequentialBlock()
        .add(conv(8))
        .add(BatchNorm.builder().build())
        .add(Activation::relu)
        .add(Pool.maxPool2dBlock(new Shape(2, 2), new Shape(2, 2)))
        .add(conv(16))
        .add(BatchNorm.builder().build())
        .add(Activation::relu)
        .add(Pool.globalAvgPool2dBlock())
        .add(Blocks.linear(10));
  }

  private static Conv2d conv(int filters) {
    return Conv2d.builder().setFilters(filters).setKernelShape(new Shape(3, 3)).build();
  }

  /** Prints what a monitor records. */
  private static final class LossPrinter {
    private double recent = Double.NaN;

    void print(MonitorRecord record) {
      if (record instanceof MonitorRecord.Step step) {
        double loss = step.observation().value(Signal.LOSS).orElse(Double.NaN);
        recent = Double.isNaN(recent) ? loss : 0.9 * recent + 0.1 * loss;
        OptionalDouble most = step.observation().value(Signal.LAMBDA_MAX);
        OptionalDouble least = step.observation().value(Signal.LAMBDA_MIN);
        if (most.isPresent() && least.isPresent()) {
          System.out.printf(
              "step %4d  loss %.3f  lambda_max %7.2f  lambda_min %7.2f%n",
              step.step(), loss, most.getAsDouble(), least.getAsDouble());
        }
      }
      record
          .events()
          .forEach(e -> System.out.println(e.step() + " " + e.kind() + " " + e.explanation()));
    }

    double recentLoss() {
      return recent;
    }
  }

  private static NDArray images(NDManager manager, int count) throws IOException {
    byte[] pixels = items("images-idx3-ubyte.gz", 16, count, SIDE * SIDE);
    float[] values = new float[pixels.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (pixels[i] & 0xFF) / 255f;
    }
    return manager.create(values, new Shape(count, 1, SIDE, SIDE));
  }

  private static NDArray labels(NDManager manager, int count) throws IOException {
    byte[] classes = items("labels-idx1-ubyte.gz", 8, count, 1);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = classes[i];
    }
    return manager.create(values);
  }

  /** The first items of an IDX file, without its header. */
  private static byte[] items(String file, int header, int count, int size) throws IOException {
    try (InputStream raw = FashionMnistExample.class.getResourceAsStream(FILES + file);
        DataInputStream in = new DataInputStream(new GZIPInputStream(raw))) {
      in.skipNBytes(header);
      byte[] bytes = new byte[count * size];
      in.readFully(bytes);
      return bytes;
    }
  }
}
