package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A batch whose targets are drawn from the model's own distribution, as derivatives of the loss by
 * the predictions: targets of {@link Loss#innerProduct}. Draw s of example e of N is example {@code
 * s N + e}. What an example draws depends on the seed, its number and its predictions only.
 */
final class ModelTargets implements AutoCloseable {

  /** Part of the memory limit that predictions are recorded in. */
  private static final int PART = 16;

  /** What SplittableRandom adds for its next number (Steele, Lea and Flood, 2014). */
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private final Network network;
  private final Loss loss;
  private final Device device;
  private final long seed;
  private final int draws;
  private final int recordedAtOnce;
  private Scope scope = Scope.open();
  private HostBuffer inputs;
  private HostBuffer targets;
  private HostBuffer scores;
  private final int examples;

  ModelTargets(
      Network network, Loss loss, Batch batch, Device device, Limits limits, long seed, int draws) {
    network.requireSeparateExamples("fisher");
    loss.requireSeparateExamples("fisher");
    if (draws < 1 || (long) draws * batch.examples() > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "draws: found "
              + draws
              + " for each of "
              + batch.examples()
              + " examples, expected at least 1, and less than 2^31 in all");
    }
    this.network = network;
    this.loss = loss;
    this.device = device;
    this.seed = seed;
    this.draws = draws;
    long memory = limits.memoryBytes() == 0 ? device.defaultMemoryLimit() : limits.memoryBytes();
    long fitting = memory / PART / Tape.bytesPerExample(network, loss);
    examples = batch.examples();
    requireRoom(memory, draws);
    recordedAtOnce = Math.clamp(fitting, 1, batch.examples());
    try {
      take(batch);
      requireLikelihood();
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private void requireRoom(long memory, int draws) {
    long each = network.inputShape().size() + network.outputShape().size();
    double needed = (double) examples * draws * each * Float.BYTES;
    if (needed > memory) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "memory limit: found %d bytes, expected at least %.0f for %d draws of each of %d"
                  + " examples",
              memory,
              needed,
              draws,
              examples));
    }
  }

  /** Refuses a loss before anything is computed. */
  private void requireLikelihood() {
    double[] z = new double[Math.toIntExact(network.outputShape().size())];
    loss.score(network.outputShape(), z, targetsOf(0), new SplittableRandom(seed));
  }

  /** Takes other examples, as many as before. */
  void take(Batch batch) {
    Shape.requireSize("examples", batch.examples(), examples);
    batch.checked(network, loss);
    Scope next = Scope.open();
    try {
      HostBuffer in = onHost(next, batch.inputs());
      HostBuffer out = onHost(next, batch.targets());
      if (draws > 1) {
        HostBuffer all = next.allocate(Math.multiplyExact(in.size(), (long) draws));
        for (int s = 0; s < draws; s++) {
          all.slice(s * in.size(), in.size()).segment().copyFrom(in.segment());
        }
        in = all;
      }
      scores = next.allocate((long) examples * draws * network.outputShape().size());
      inputs = in;
      targets = out;
    } catch (RuntimeException | Error e) {
      next.close();
      throw e;
    }
    scope.close();
    scope = next;
  }

  private HostBuffer onHost(Scope owner, Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host;
    }
    HostBuffer host = owner.allocate(buffer.size());
    device.download(buffer, host.segment());
    return host;
  }

  /** The batch, with the targets last drawn. */
  Batch batch() {
    return new Batch(inputs, scores, examples * draws);
  }

  /** Draws targets at a point, in place. */
  Batch drawAt(Buffer values) {
    int each = Math.toIntExact(network.outputShape().size());
    try (Scope temporary = Scope.open();
        Tape tape = new Tape(network, loss, device, recordedAtOnce)) {
      Buffer point = device.place(temporary, values);
      Buffer once = inputs.slice(0, inputs.size() / draws);
      Batch placed = new Batch(once, targets, examples).on(device, temporary);
      HostBuffer z = temporary.allocate((long) recordedAtOnce * each);
      for (int from = 0; from < examples; from += recordedAtOnce) {
        int first = from;
        int count = Math.min(recordedAtOnce, examples - from);
        NonFiniteException.check("loss", tape.forward(point, placed.slice(from, count), examples));
        RecordedBatch.requireResolved("fisher", device, tape);
        device.download(tape.output().slice(0, (long) count * each), z.segment());
        device.share(count, 16L * each * draws, i -> draw(first + i, z, i, each));
      }
    }
    return batch();
  }

  private void draw(int example, HostBuffer z, int row, int each) {
    double[] predictions = values(z, (long) row * each, each);
    double[] given = targetsOf(example);
    double terms = loss.terms(network.outputShape());
    for (int s = 0; s < draws; s++) {
      long number = (long) s * examples + example;
      long start = new SplittableRandom(seed + GOLDEN * number).nextLong();
      SplittableRandom random = new SplittableRandom(start);
      double[] score = loss.score(network.outputShape(), predictions, given, random);
      for (int j = 0; j < each; j++) {
        scores.set(number * each + j, (float) (score[j] / Math.sqrt(terms)));
      }
    }
  }

  private double[] targetsOf(int example) {
    int size = Math.toIntExact(loss.targetSize(network.outputShape()));
    return values(targets, (long) example * size, size);
  }

  private static double[] values(HostBuffer from, long at, int size) {
    return IntStream.range(0, size).mapToDouble(j -> from.get(at + j)).toArray();
  }

  @Override
  public void close() {
    scope.close();
  }
}
