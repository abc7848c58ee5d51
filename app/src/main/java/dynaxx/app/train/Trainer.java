package dynaxx.app.train;

import dynaxx.app.UserException;
import dynaxx.app.data.ImageDataset;
import dynaxx.backend.Backend;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Mode;
import dynaxx.network.Network;
import dynaxx.network.Tape;
import dynaxx.operator.NonFiniteException;
import java.util.stream.IntStream;

/**
 * The reference trainer: image classification with a deterministic order of examples. Parameters
 * live in host memory, where measurements read them in place.
 */
public final class Trainer implements AutoCloseable {

  private final Scope scope = Scope.open();
  private final Network network;
  private final Loss loss = Loss.crossEntropy();
  private final Backend backend;
  private final Optimizer optimizer;
  private final long seed;
  private final Shuffle order;
  private final ImageBatch batch;
  private final Tape tape;
  private final HostBuffer parameters;
  private final HostBuffer gradient;
  private final Buffer deviceGradient;
  private int steps;

  /**
   * What one batch said about the parameters before the update.
   *
   * @param loss mean over the batch
   * @param gradientNorm Euclidean norm
   */
  public record Step(double loss, double gradientNorm) {}

  /**
   * How the model does on data it was not trained on.
   *
   * @param loss mean
   * @param accuracy share of examples whose largest logit is the label's
   */
  public record Validation(double loss, double accuracy) {}

  public Trainer(
      Network network,
      ImageDataset images,
      int batchSize,
      Optimizer optimizer,
      Backend backend,
      long seed) {
    if (batchSize > images.count()) {
      throw new UserException(
          "batch: found "
              + batchSize
              + ", expected at most the "
              + images.count()
              + " training images");
    }
    this.network = network;
    this.backend = backend;
    this.optimizer = optimizer;
    this.seed = seed;
    this.order = new Shuffle(images.count(), seed);
    try {
      this.batch = new ImageBatch(scope, images, batchSize);
      this.tape = new Tape(network, loss, backend, batchSize);
      scope.onClose(tape::close);
      parameters = scope.allocate(network.parameterCount());
      gradient = scope.allocate(network.parameterCount());
      deviceGradient = backend.allocate(scope, network.parameterCount());
      network.initialize(parameters, seed);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /**
   * Forward and backward on the next batch; the parameters stay as they are until {@link #update}.
   */
  public Step evaluate() {
    Batch data = batch.load(network, loss, order.next(batch.size()));
    try (Scope temporary = Scope.open()) {
      Buffer point = backend.upload(temporary, parameters.segment());
      Mode mode = Mode.training(seed, steps);
      double value = tape.forward(point, data.on(backend, temporary), data.examples(), mode);
      NonFiniteException.check("training loss at step " + steps, value);
      backend.fill(deviceGradient, 0);
      tape.backward(deviceGradient);
      double norm = Math.sqrt(backend.dot(deviceGradient, deviceGradient));
      NonFiniteException.check("gradient norm at step " + steps, norm);
      return new Step(value, norm);
    }
  }

  /** Applies the gradient of the last {@link #evaluate}. */
  public void update(double learningRate) {
    backend.download(deviceGradient, gradient.segment());
    optimizer.step(parameters, gradient, learningRate);
    steps++;
  }

  /** Loss and accuracy over a whole data set. */
  public Validation validate(ImageDataset images) {
    int size = Math.min(images.count(), batch.size());
    double lossSum = 0;
    long correct = 0;
    try (Scope temporary = Scope.open()) {
      ImageBatch chunk = new ImageBatch(temporary, images, size);
      Buffer point = backend.upload(temporary, parameters.segment());
      HostBuffer logits = temporary.allocate(size * network.outputShape().size());
      for (int from = 0; from < images.count(); from += size) {
        int[] indices = IntStream.range(from, Math.min(from + size, images.count())).toArray();
        Batch data = chunk.load(network, loss, indices);
        try (Scope upload = Scope.open()) {
          lossSum += tape.forward(point, data.on(backend, upload), images.count(), Mode.MEASURE);
        }
        long values = indices.length * network.outputShape().size();
        backend.download(tape.output().slice(0, values), logits.segment());
        correct += correct(logits, images, indices);
      }
    }
    return new Validation(lossSum, (double) correct / images.count());
  }

  private static long correct(HostBuffer logits, ImageDataset images, int[] indices) {
    int classes = images.classNames().size();
    long correct = 0;
    for (int i = 0; i < indices.length; i++) {
      int best = 0;
      for (int c = 1; c < classes; c++) {
        if (logits.get((long) i * classes + c) > logits.get((long) i * classes + best)) {
          best = c;
        }
      }
      correct += best == images.label(indices[i]) ? 1 : 0;
    }
    return correct;
  }

  public HostBuffer parameters() {
    return parameters;
  }

  public Loss loss() {
    return loss;
  }

  @Override
  public void close() {
    scope.close();
  }
}
