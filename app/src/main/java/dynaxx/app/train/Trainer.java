package dynaxx.app.train;

import dynaxx.app.io.UserException;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.Update;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.stream.IntStream;

/**
 * The reference trainer: classification with a deterministic order of examples. Parameters live in
 * host memory, where measurements read them in place.
 */
public final class Trainer implements AutoCloseable {

  private final Scope scope = Scope.open();
  private Network network;
  private final Loss loss;
  private final Device device;
  private final Optimizer optimizer;
  private final long seed;
  private final Shuffle order;
  private final ExampleBatch batch;
  private Tape tape;
  private final HostBuffer parameters;
  private final HostBuffer gradient;
  private final Buffer deviceGradient;
  private Scope comingScope = scope.child();
  private Batch data;
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
   * @param accuracy share of predictions whose largest output is the target's
   */
  public record Validation(double loss, double accuracy) {}

  public Trainer(
      Network network,
      Examples examples,
      int batchSize,
      Optimizer optimizer,
      Device device,
      long seed) {
    this(network, Loss.crossEntropy(), examples, batchSize, optimizer, device, seed);
  }

  public Trainer(
      Network network,
      Loss loss,
      Examples examples,
      int batchSize,
      Optimizer optimizer,
      Device device,
      long seed) {
    if (batchSize > examples.count()) {
      throw new UserException(
          "batch: found "
              + batchSize
              + ", expected at most the "
              + examples.count()
              + " training examples");
    }
    this.network = network;
    this.loss = loss;
    this.device = device;
    this.optimizer = optimizer;
    this.seed = seed;
    this.order = new Shuffle(examples.count(), seed);
    try {
      this.batch = new ExampleBatch(scope, examples, batchSize);
      this.tape = new Tape(network, loss, device, batchSize);
      scope.onClose(() -> tape.close());
      parameters = scope.allocate(network.parameterCount());
      gradient = scope.allocate(network.parameterCount());
      deviceGradient = device.allocate(scope, network.parameterCount());
      network.initialize(parameters, seed);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /** What is trained. */
  public Network network() {
    return network;
  }

  /**
   * Forward and backward on the next batch; the parameters stay as they are until {@link #update}.
   */
  public Step evaluate() {
    data = batch.load(network, loss, order.next(batch.size()));
    double value = differentiate();
    double norm = Math.sqrt(device.algebra().dot(deviceGradient, deviceGradient));
    NonFiniteException.check("gradient norm at step " + steps, norm);
    return new Step(value, norm);
  }

  /** Loss of the last batch at the parameters as they are, and its gradient on the device. */
  private double differentiate() {
    try (Scope temporary = Scope.open()) {
      Buffer point = device.upload(temporary, parameters.segment());
      Mode mode = Mode.training(seed, steps);
      double value = tape.forward(point, data.on(device, temporary), data.examples(), mode);
      NonFiniteException.check("training loss at step " + steps, value);
      device.algebra().fill(deviceGradient, 0);
      tape.backward(deviceGradient);
      return value;
    }
  }

  /** Applies the gradient of the last {@link #evaluate}. */
  public void update(double learningRate) {
    device.download(deviceGradient, gradient.segment());
    optimizer.step(parameters, gradient, learningRate, this::look);
    steps++;
  }

  /**
   * Makes the gradient of the last {@link #evaluate} shorter if it is longer than wanted (Pascanu
   * et al., 2013).
   *
   * @param largest norm that it has afterwards, at most
   */
  public void clip(double largest) {
    double norm = Math.sqrt(device.algebra().dot(deviceGradient, deviceGradient));
    if (norm > largest) {
      device.algebra().axpby(0, deviceGradient, largest / norm, deviceGradient);
    }
  }

  /**
   * The update that {@link #update} would make with the gradient of the last {@link #evaluate};
   * nothing changes.
   *
   * @return reads memory of this trainer, until the next call
   */
  public Update coming(double learningRate) {
    comingScope.close();
    comingScope = scope.child();
    HostBuffer g = comingScope.allocate(parameters.size());
    device.download(deviceGradient, g.segment());
    return optimizer.coming(parameters, g, learningRate, comingScope);
  }

  /** Leaves the parameters as they are, as a host does that finds a gradient it cannot use. */
  public void skip() {
    steps++;
  }

  /**
   * Goes on with another network of the same parameters, for example one whose normalisation has
   * become constant.
   */
  public void replaceNetwork(Network other) {
    if (!other.parameters().equals(network.parameters())) {
      throw new IllegalArgumentException(
          "network: found parameters " + other.parameters() + ", expected those trained so far");
    }
    Tape replacement = new Tape(other, loss, device, batch.size());
    tape.close();
    tape = replacement;
    network = other;
  }

  private void look() {
    differentiate();
    device.download(deviceGradient, gradient.segment());
  }

  /** Loss and accuracy over a whole data set. */
  public Validation validate(Examples examples) {
    int size = Math.min(examples.count(), batch.size());
    double lossSum = 0;
    long correct = 0;
    try (Scope temporary = Scope.open()) {
      ExampleBatch chunk = new ExampleBatch(temporary, examples, size);
      Buffer point = device.upload(temporary, parameters.segment());
      HostBuffer logits = temporary.allocate(size * network.outputShape().size());
      for (int from = 0; from < examples.count(); from += size) {
        int[] indices = IntStream.range(from, Math.min(from + size, examples.count())).toArray();
        Batch data = chunk.load(network, loss, indices);
        try (Scope upload = Scope.open()) {
          double mean = tape.forward(point, data.on(device, upload), indices.length, Mode.MEASURE);
          lossSum += mean * indices.length / examples.count();
        }
        long values = indices.length * network.outputShape().size();
        device.download(tape.output().slice(0, values), logits.segment());
        correct += correct(logits, chunk.targets(), indices.length * predictions());
      }
    }
    return new Validation(lossSum, correct / ((double) examples.count() * predictions()));
  }

  private int classes() {
    return network.outputShape().dim(-1);
  }

  /** Predictions for an example, each of a class. */
  private long predictions() {
    return network.outputShape().size() / classes();
  }

  /** Targets are class numbers, or as many values as there are outputs, the largest the class's. */
  private long correct(HostBuffer logits, HostBuffer targets, long predictions) {
    boolean numbers = loss.targetSize(network.outputShape()) == predictions();
    long correct = 0;
    for (long i = 0; i < predictions; i++) {
      float wanted = numbers ? targets.get(i) : largest(targets, i);
      correct += largest(logits, i) == wanted ? 1 : 0;
    }
    return correct;
  }

  /** Class whose value is the largest. */
  private int largest(HostBuffer values, long prediction) {
    int classes = classes();
    int best = 0;
    for (int c = 1; c < classes; c++) {
      if (values.get(prediction * classes + c) > values.get(prediction * classes + best)) {
        best = c;
      }
    }
    return best;
  }

  /** Updates made so far. */
  public int steps() {
    return steps;
  }

  public Optimizer optimizer() {
    return optimizer;
  }

  /**
   * Writes all that training goes on from: parameters, optimizer, position in the data. Random
   * numbers depend on seed and step alone.
   */
  public void save(DataOutput out) throws IOException {
    out.writeInt(steps);
    out.writeLong(order.taken());
    Floats.write(out, parameters.toArray());
    optimizer.save(out);
  }

  /**
   * Goes to where a trainer of the same network, data and optimizer was.
   *
   * @throws IOException if the number of parameters is another
   */
  public void load(DataInput in) throws IOException {
    int found = in.readInt();
    long taken = in.readLong();
    float[] values = Floats.read(in);
    if (values == null || values.length != parameters.size()) {
      throw new IOException("found other parameters, expected " + parameters.size());
    }
    optimizer.load(in);
    parameters.put(values);
    order.seek(taken);
    steps = found;
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
