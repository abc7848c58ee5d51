package dynaxx.cost;

import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.BatchPlan;
import dynaxx.network.pass.TangentSweep;
import dynaxx.network.pass.Tape;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import java.util.Optional;

/**
 * Work and memory of a transformer's training steps and snapshots.
 *
 * <p>A linear layer takes three matrix products in a gradient, six in a product H v, three in a
 * form v'Hv; the first layer two, two and one. Attention, which keeps no scores, takes seven
 * products as large as that of queries and keys in a gradient, fourteen in H v and eight in v'Hv,
 * and in each of these two sweeps three for all directions; so on the CPU, while a GPU makes more
 * of them again. Bytes are those of the recording, written and read once by a gradient, read by
 * every sweep, which writes and reads as much for each direction: twice for a product, once for a
 * form.
 */
public final class TransformerCost {

  private static final int DIRECTIONS = 8;

  /** Kernels of a pass: of one block, of what is around all blocks; one for each direction. */
  private enum Pass {
    GRADIENT(28, 24),
    PRODUCT(38, 22),
    FORM(26, 12);

    private final int block;
    private final int ends;

    Pass(int block, int ends) {
      this.block = block;
      this.ends = ends;
    }

    double launches(int depth, int k) {
      return (double) depth * block + ends + k;
    }
  }

  /** AdamW reads parameter, gradient and two moments, and writes all but the gradient. */
  private static final double ADAM_FLOATS = 7;

  private static final double ADAM_FLOP = 12;

  /** Vectors beside the Lanczos basis: parameters, gradient, a product, a probe, one spare. */
  private static final int VECTORS = 5;

  private final TransformerShape shape;
  private final Network network;
  private final Loss loss = Loss.crossEntropy();
  private final double tape;

  /**
   * Counts for one shape.
   *
   * @param shape of the network
   */
  public TransformerCost(TransformerShape shape) {
    this.shape = shape;
    this.network = shape.network();
    this.tape = Tape.bytesPerExample(network, loss);
  }

  /**
   * The shape.
   *
   * @return that it was made with
   */
  public TransformerShape shape() {
    return shape;
  }

  private double parameterBytes() {
    return (double) Float.BYTES * shape.parameters();
  }

  /**
   * Forward and backward pass.
   *
   * @param examples of the batch
   * @return the work
   */
  public Work gradient(int examples) {
    TransformerShape.Flop forward = shape.forward();
    return new Work(
        examples * (2 * forward.first() + 3 * forward.others() + 7 * forward.scores()),
        2 * examples * tape + 3 * parameterBytes(),
        Pass.GRADIENT.launches(shape.depth(), 0));
  }

  /**
   * One training step with AdamW.
   *
   * @param examples of the batch
   * @return the work
   */
  public Work step(int examples) {
    double n = shape.parameters();
    return gradient(examples).plus(new Work(ADAM_FLOP * n, ADAM_FLOATS * parameterBytes(), 1));
  }

  /**
   * Products with the Hessian over a recording.
   *
   * @param examples of the batch
   * @param k directions, at most 8, in one sweep
   * @return the work
   */
  public Work product(int examples, int k) {
    TransformerShape.Flop forward = shape.forward();
    return new Work(
        k * examples * (2 * forward.first() + 6 * forward.others())
            + (3 + 14 * k) * examples * forward.scores(),
        (1 + 2 * k) * examples * tape + (2 + 3 * k) * parameterBytes(),
        Pass.PRODUCT.launches(shape.depth(), k));
  }

  /**
   * Quadratic forms over a recording.
   *
   * @param examples of the batch
   * @param k directions, at most 8, in one sweep
   * @return the work
   */
  public Work form(int examples, int k) {
    TransformerShape.Flop forward = shape.forward();
    return new Work(
        k * examples * (forward.first() + 3 * forward.others())
            + (3 + 8 * k) * examples * forward.scores(),
        (1 + k) * examples * tape + (2 + k) * parameterBytes(),
        Pass.FORM.launches(shape.depth(), k));
  }

  /**
   * How the probe cuts a subset, by the planner that the operators use, under its part of the
   * limit.
   *
   * @param examples of the subset
   * @param memoryLimit bytes
   * @return the plan
   * @throws IllegalArgumentException if the limit is too small for one example
   */
  public BatchPlan plan(int examples, long memoryLimit) {
    long memory = CurvatureProbe.recordingBytes(memoryLimit, network.parameterCount());
    return BatchPlan.of(
        network, loss, examples, new BatchPlan.Limits(memory, 0, DIRECTIONS), tangents());
  }

  private long tangents() {
    return TangentSweep.bytesPerExample(network, TangentSweep.Kind.PRODUCT)
        + TangentSweep.bytesPerExample(network, TangentSweep.Kind.QUADRATIC);
  }

  /**
   * A snapshot of a host that reports no update. A subset that is cut takes more launches; one
   * whose recordings do not fit is recorded again in every sweep.
   *
   * @param settings what is measured
   * @param examples of the subset
   * @param plan how it is cut
   * @return the work
   */
  public Work snapshot(ProbeSettings settings, int examples, BatchPlan plan) {
    double cuts = Math.ceil((double) examples / plan.part());
    Work again = plan.resident() ? Work.NONE : gradient(examples);
    Work work = gradient(examples);
    Optional<Lanczos> lanczos = settings.lanczos();
    if (lanczos.isPresent()) {
      int steps = lanczos.get().cap();
      work = work.plus(product(examples, 1).plus(again).times(steps)).plus(orthogonal(steps));
    }
    work = work.plus(forms(SnapshotWork.storedForms(settings), examples, plan));
    work = work.plus(forms(SnapshotWork.probeForms(settings), examples, plan));
    double passes = SnapshotWork.statisticsPasses(settings);
    work = work.plus(gradient(examples).times(passes / 3)).plus(again.times(passes));
    return new Work(work.flop(), work.bytes(), work.launches() * cuts);
  }

  private Work forms(int count, int examples, BatchPlan plan) {
    Work again = plan.resident() ? Work.NONE : gradient(examples);
    Work work = Work.NONE;
    for (int left = count; left > 0; left -= plan.directions()) {
      work = work.plus(form(examples, Math.min(left, plan.directions()))).plus(again);
    }
    return work;
  }

  /** Every new vector against all earlier ones, twice, and what else a step does with vectors. */
  private Work orthogonal(int steps) {
    double n = shape.parameters();
    double pairs = steps * (steps + 1) / 2.0;
    return new Work(8 * n * pairs, 4 * parameterBytes() * pairs, 20.0 * steps);
  }

  /**
   * Memory of the probe.
   *
   * @param settings what is measured
   * @param examples of the subset
   * @param plan how it is cut
   * @return bytes of recordings, tangents and vectors as long as the parameters
   */
  public double memory(ProbeSettings settings, int examples, BatchPlan plan) {
    double recorded = tape * (plan.resident() ? examples : plan.part());
    double swept = (double) plan.part() * plan.directions() * tangents();
    int basis = settings.lanczos().map(l -> l.cap() + 1).orElse(0);
    int probes = Math.min(DIRECTIONS, SnapshotWork.probeForms(settings));
    int vectors = basis + probes + settings.storedPairs() + VECTORS;
    return recorded + swept + vectors * parameterBytes();
  }
}
