package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Op;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Plays k directions over the adjoints of a {@link Tape} for the empirical Fisher matrix {@code F =
 * (1/N) sum of g_i g_i'}, g_i the gradient of example i's loss. Since every op treats each example
 * by itself, {@code g_i'v} is the sum over ops of the adjoint of example i's output times {@code
 * (df/dw) v}, and {@code F v} is the sum of the parameters' gradients under adjoints weighted by
 * {@code g_i'v}. So tangents never pass from op to op: two matrix products a linear layer for
 * {@code F v}, one for {@code v'Fv}, and memory for one op at a time.
 */
public final class FisherSweep implements AutoCloseable {

  private final Network network;
  private final Device device;
  private final int capacity;
  private final int maxDirections;
  private final Scope scope = Scope.open();
  private final Buffer outputs;
  private final Buffer[] scratch;
  private final Buffer[] savedTangents;
  private final List<Scalars> sums = new ArrayList<>();

  /**
   * Allocates a sweep.
   *
   * @param network the network of the tapes it will play over
   * @param device where to compute
   * @param capacity the most examples of a tape
   * @param maxDirections the most directions at once
   * @throws IllegalArgumentException if the network couples its examples
   */
  public FisherSweep(Network network, Device device, int capacity, int maxDirections) {
    network.requireSeparateExamples("fisher sweep");
    this.network = network;
    this.device = device;
    this.capacity = capacity;
    this.maxDirections = maxDirections;
    Needs needs = Needs.of(network);
    long width = Math.multiplyExact((long) capacity, maxDirections);
    try {
      outputs = device.allocate(scope, Math.multiplyExact(needs.output, width));
      scratch = allocate(needs.scratch, width);
      savedTangents = allocate(needs.tangents, width);
      for (int i = 0; i < maxDirections; i++) {
        sums.add(device.scalars(scope, capacity));
      }
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private Buffer[] allocate(List<Long> sizes, long width) {
    return sizes.stream()
        .map(size -> device.allocate(scope, Math.multiplyExact(size, width)))
        .toArray(Buffer[]::new);
  }

  /** Largest arrays of any op with parameters, for one example and direction. */
  private record Needs(long output, List<Long> scratch, List<Long> tangents) {

    static Needs of(Network network) {
      long output = 0;
      List<Long> scratch = new ArrayList<>();
      List<Long> tangents = new ArrayList<>();
      for (int node : withParameters(network)) {
        output = Math.max(output, network.steps().get(node).shape().size());
        Op.Workspace workspace = Workspaces.of(network, node);
        widen(scratch, workspace.scratch());
        widen(tangents, workspace.tangents());
      }
      return new Needs(output, scratch, tangents);
    }

    private static void widen(List<Long> largest, List<Long> sizes) {
      for (int i = 0; i < sizes.size(); i++) {
        if (i == largest.size()) {
          largest.add(0L);
        }
        largest.set(i, Math.max(largest.get(i), sizes.get(i)));
      }
    }

    long floats() {
      return output + sum(scratch) + sum(tangents);
    }

    private static long sum(List<Long> sizes) {
      return sizes.stream().mapToLong(Long::longValue).sum();
    }
  }

  private static int[] withParameters(Network network) {
    return IntStream.range(1, network.steps().size())
        .filter(i -> !network.steps().get(i).op().parameters().isEmpty())
        .toArray();
  }

  /**
   * Memory of a sweep.
   *
   * @param network the network
   * @return bytes for each example of capacity and each direction
   */
  public static long bytesPerExample(Network network) {
    return Needs.of(network).floats() * Float.BYTES;
  }

  /**
   * Derivative of each example's loss along each direction, {@code g_i'v}, summed in float64.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE} and a backward pass
   * @param v k directions of n values
   * @return for each direction one value for each example
   */
  public double[][] derivatives(Tape tape, Vectors v) {
    begin(tape, v);
    for (int i = 0; i < v.count(); i++) {
      sums.get(i).clear();
    }
    for (int node : withParameters(network)) {
      network.steps().get(node).op().tangentForward(new FisherFrame(tape, this, node, v));
      long size = network.steps().get(node).shape().size();
      long all = tape.examples() * size;
      Strided dy = new Strided(tape.adjoint(node), 0, size);
      for (int i = 0; i < v.count(); i++) {
        device
            .kernels()
            .elementwise()
            .dots(tape.examples(), size, 1, dy, outputs.slice(i * all, all), sums.get(i));
      }
    }
    double[][] derivatives = new double[v.count()][];
    for (int i = 0; i < v.count(); i++) {
      double[] shares = sums.get(i).read();
      derivatives[i] =
          IntStream.range(0, tape.examples())
              .mapToDouble(e -> shares[e] * tape.totalExamples())
              .toArray();
    }
    return derivatives;
  }

  /**
   * Adds this tape's share of F v for each direction. Runs the ops' backward passes over what they
   * saved, so that the tape can be used for Hessians again only after its own backward pass.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE} and a backward pass
   * @param v k directions of n values
   * @param fv k products of n values, added to
   */
  public void addProducts(Tape tape, Vectors v, Vectors fv) {
    double[][] weights = derivatives(tape, v);
    Shape.requireSize("products", fv.buffer().size(), v.buffer().size());
    tape.overwriteSaved();
    for (int i = 0; i < weights.length; i++) {
      try (Scope temporary = Scope.open()) {
        Buffer weight = upload(temporary, weights[i]);
        for (int node : withParameters(network)) {
          weigh(tape, node, weight);
          network.steps().get(node).op().backward(new FisherFrame(tape, this, node, v, fv, i));
        }
      }
    }
  }

  private Buffer upload(Scope temporary, double[] weights) {
    HostBuffer host = temporary.allocate(weights.length);
    for (int e = 0; e < weights.length; e++) {
      host.set(e, (float) weights[e]);
    }
    return device.upload(temporary, host.segment());
  }

  /** Each example's adjoint times its weight: products of a 1 x 1 and a 1 x size matrix. */
  private void weigh(Tape tape, int node, Buffer weights) {
    int size = Math.toIntExact(network.steps().get(node).shape().size());
    Matrix weight = Matrix.of(weights, 1).batch(1, 0, 0);
    Matrix dy = Matrix.of(tape.adjoint(node), size).batch(size, 0, 0);
    Matrix out = Matrix.of(outputs, size).batch(size, 0, 0);
    device
        .kernels()
        .gemm()
        .multiply(1, size, 1, 1, weight, dy, 0, out, null, Members.of(tape.examples()));
  }

  /**
   * This tape's share of v'Fv for each direction.
   *
   * @param tape holds a forward pass in {@link Mode#MEASURE} and a backward pass
   * @param v k directions of n values
   * @return k values
   */
  public double[] quadraticForms(Tape tape, Vectors v) {
    double[][] derivatives = derivatives(tape, v);
    double[] forms = new double[derivatives.length];
    for (int i = 0; i < forms.length; i++) {
      for (double derivative : derivatives[i]) {
        forms[i] += derivative * derivative;
      }
      forms[i] /= tape.totalExamples();
    }
    return forms;
  }

  private void begin(Tape tape, Vectors v) {
    if (tape.network() != network) {
      throw new IllegalArgumentException("sweep: made for another network");
    }
    tape.requireAdjoints();
    Shape.requireSize("directions", v.length(), network.parameterCount());
    if (tape.examples() > capacity || v.count() > maxDirections) {
      throw new IllegalArgumentException(
          "sweep: found "
              + tape.examples()
              + " examples and "
              + v.count()
              + " directions, expected at most "
              + capacity
              + " and "
              + maxDirections);
    }
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }

  Buffer outputs() {
    return outputs;
  }

  Buffer scratch(int i) {
    return scratch[i];
  }

  Buffer savedTangent(int i) {
    return savedTangents[i];
  }
}
