package dynaxx.app.plan;

import dynaxx.cost.CostModel.Timing;
import dynaxx.cost.TransformerCost;
import dynaxx.cost.TransformerShape;
import dynaxx.cost.Work;
import dynaxx.device.Device;
import dynaxx.kernel.Scalars;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Times gradients, products and forms of some small transformers. A part is repeated for a while;
 * its time is the shortest, since what else runs on a machine can only add to it.
 */
public final class Calibration {

  private static final int FORMS = 8;

  /** Repetitions of a part at least, of which the first one is not counted. */
  private static final int LEAST = 3;

  /** A network, and the sizes of its batches. */
  private record Subject(TransformerShape shape, int... examples) {}

  private static final List<Subject> SUBJECTS =
      List.of(
          new Subject(new TransformerShape(1, 7, 17, 32, 3, 4, 64, 10), 16, 64),
          new Subject(new TransformerShape(1, 7, 17, 192, 4, 4, 768, 10), 8, 32),
          new Subject(new TransformerShape(3, 16, 50, 128, 4, 2, 512, 100), 4, 16),
          new Subject(TransformerShape.of(1_000_000, 197), 1, 4),
          new Subject(TransformerShape.of(10_000_000, 197), 1));

  private static final int PARTS = 3 * 9;

  /** As long as how many parts the code is warmed up. */
  private static final int WARM_UP = 9;

  private final LongSupplier nanoTime;
  private final double partSeconds;

  /** Something to time. */
  record Part(String name, long parameters, Work work, Runnable run) {}

  /**
   * With a clock.
   *
   * @param nanoTime the time
   * @param seconds that all parts may take together, about
   */
  public Calibration(LongSupplier nanoTime, double seconds) {
    this.nanoTime = nanoTime;
    this.partSeconds = seconds / (PARTS + WARM_UP);
  }

  /**
   * Times everything.
   *
   * @param device where to compute
   * @param progress told the name of each part
   * @return the times
   */
  public List<Timing> run(Device device, Consumer<String> progress) {
    warmUp(device, progress);
    List<Timing> timings = new ArrayList<>();
    for (Subject subject : SUBJECTS) {
      for (int examples : subject.examples()) {
        try (Scope scope = Scope.open()) {
          for (Part part : parts(subject.shape(), examples, device, scope)) {
            progress.accept(part.name());
            timings.add(time(part));
          }
        }
      }
    }
    return timings;
  }

  private void warmUp(Device device, Consumer<String> progress) {
    progress.accept("warming up");
    Subject first = SUBJECTS.getFirst();
    try (Scope scope = Scope.open()) {
      List<Part> parts = parts(first.shape(), first.examples()[0], device, scope);
      long start = nanoTime.getAsLong();
      do {
        parts.forEach(part -> part.run().run());
      } while (nanoTime.getAsLong() - start < WARM_UP * partSeconds * 1e9);
    }
  }

  private static List<Part> parts(
      TransformerShape shape, int examples, Device device, Scope scope) {
    TransformerCost cost = new TransformerCost(shape);
    Network network = shape.network();
    Random random = new Random(1);
    HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
    for (long i = 0; i < inputs.size(); i++) {
      inputs.set(i, (float) random.nextGaussian());
    }
    HostBuffer targets = scope.allocate(examples);
    HostBuffer parameters = scope.allocate(network.parameterCount());
    network.initialize(parameters, 1);
    Loss loss = Loss.crossEntropy();
    Hessian hessian = new Hessian(network, loss, Batch.of(network, loss, inputs, targets), device);
    scope.onClose(hessian::close);
    long n = hessian.dimension();
    Vectors v = device.vectors(scope, FORMS, n);
    Vectors hv = device.vectors(scope, 1, n);
    device.algebra().rademacher(1, 0, v);
    Scalars end = device.scalars(scope, 1);
    String name = String.format("%,d parameters, %d examples, ", n, examples);
    hessian.linearize(parameters);
    return List.of(
        new Part(
            name + "gradient",
            n,
            cost.gradient(examples),
            () -> hessian.linearize(parameters).gradientNorm()),
        new Part(
            name + "H v",
            n,
            cost.product(examples, 1),
            () -> {
              hessian.apply(v.subset(0, 1), hv);
              end.read();
            }),
        new Part(
            name + "eight v'Hv", n, cost.form(examples, FORMS), () -> hessian.quadraticForm(v)));
  }

  /** The shortest of what fits the time of a part. */
  Timing time(Part part) {
    long start = nanoTime.getAsLong();
    long best = Long.MAX_VALUE;
    for (int i = 0; i < LEAST || nanoTime.getAsLong() - start < partSeconds * 1e9; i++) {
      long before = nanoTime.getAsLong();
      part.run().run();
      long took = nanoTime.getAsLong() - before;
      best = i == 0 ? best : Math.min(best, took);
    }
    return new Timing(part.name(), part.parameters(), part.work(), Math.max(1, best) / 1e9);
  }
}
