package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.layer.Parameter;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Range;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.function.LongToDoubleFunction;
import java.util.stream.IntStream;

/**
 * The curvature of one parameter tensor, the others fixed, with what follows from it for making the
 * tensor smaller.
 *
 * @param name of the tensor
 * @param size its number of parameters, n
 * @param lambdaMax largest eigenvalue of its diagonal block of the Hessian
 * @param trace of that block
 * @param gradientNorm norm of its part of the gradient
 * @param gradientVariance unbiased variance of its part over micro-batches, summed over its
 *     parameters; empty if it was not measured
 * @param int8 rounding to 8 bits
 * @param int4 rounding to 4 bits
 * @param pruned half of the parameters, those of least saliency, set to zero
 */
record LayerCurvature(
    String name,
    long size,
    ExtremeEigenvalue lambdaMax,
    Estimate trace,
    double gradientNorm,
    OptionalDouble gradientVariance,
    LossChange int8,
    LossChange int4,
    LossChange pruned) {

  private static final int LANCZOS_STEPS = 40;

  /**
   * How much a change d of a tensor is expected to change the loss.
   *
   * @param gradientPart {@code g'd}, exact to first order: zero where training has converged
   * @param curvaturePart what the curvature adds. Of rounding, half the mean curvature times the
   *     squared rounding error, {@code tr / (2 n) |d|^2} (HAWQ-V2; Dong et al., 2020), which holds
   *     on average over roundings; of pruning, the sum of the saliencies {@code h_ii w_i^2 / 2}
   *     (LeCun, Denker and Solla, 1990)
   * @param error standard error of the curvature part, from the probes
   */
  record LossChange(double gradientPart, double curvaturePart, double error) {

    /**
     * The expected change of the loss.
     *
     * @return both parts
     */
    double total() {
      return gradientPart + curvaturePart;
    }
  }

  /**
   * Measures every tensor of a network. Costs two gradients' work for each probe, and for each
   * tensor as many for each Lanczos step, at most 40.
   *
   * @param hessian at its last point
   * @param network of the Hessian
   * @param probes Rademacher probes, at least 4: those of {@link LayerTraces}. One half chooses the
   *     parameters to be pruned, the other says what that costs
   * @param microBatch examples of a micro-batch of the gradient's variance, or 0 not to measure it;
   *     not measured either if the network couples its examples
   * @param seed fixes probes and start vectors
   * @return tensors in the network's order
   * @throws IllegalArgumentException if there are fewer than four probes, or a number is out of
   *     range
   * @throws NonFiniteException if a product or a gradient is NaN or infinite
   */
  static List<LayerCurvature> measure(
      Hessian hessian, Network network, int probes, int microBatch, long seed) {
    return measured(hessian, network, probes, microBatch, seed).stream().map(t -> t.found).toList();
  }

  /** With what was chosen to be pruned. */
  static List<Tensor> measured(
      Hessian hessian, Network network, int probes, int microBatch, long seed) {
    if (probes < 4) {
      throw new IllegalArgumentException(
          "probes: found " + probes + ", expected at least 4 (two choose, two measure)");
    }
    try (Scope scope = Scope.open()) {
      HostBuffer w = host(hessian.device(), scope, hessian.parameters());
      HostBuffer g = host(hessian.device(), scope, hessian.gradient());
      List<Tensor> tensors = network.parameters().stream().map(p -> new Tensor(p, w, g)).toList();
      tensors.forEach(t -> t.samples = new double[probes]);
      probe(hessian, tensors, probes, seed);
      boolean noise =
          microBatch > 0 && !network.couplesExamples() && hessian.examples() >= 2 * microBatch;
      Optional<double[]> variances =
          noise ? Optional.of(variances(hessian, tensors, microBatch)) : Optional.empty();
      for (int i = 0; i < tensors.size(); i++) {
        OptionalDouble variance =
            variances.isPresent() ? OptionalDouble.of(variances.get()[i]) : OptionalDouble.empty();
        tensors.get(i).finish(lambdaMax(hessian, tensors.get(i), seed), variance);
      }
      return tensors;
    }
  }

  /** Everything by the names that {@link LayerTraces#table} documents. */
  SequencedMap<String, Reading> columns() {
    SequencedMap<String, Reading> columns = new LinkedHashMap<>();
    columns.put("parameters", Reading.of(size));
    columns.put("lambda_max", new Reading(lambdaMax.value(), lambdaMax.residual()));
    columns.put("trace", reading(trace.value(), trace.standardError()));
    columns.put("gradient_norm", Reading.of(gradientNorm));
    gradientVariance.ifPresent(v -> columns.put("gradient_variance", Reading.of(v)));
    put(columns, "int8", int8);
    put(columns, "int4", int4);
    put(columns, "half_pruned", pruned);
    return columns;
  }

  private static void put(Map<String, Reading> columns, String name, LossChange change) {
    columns.put(name + "_loss", reading(change.total(), change.error()));
    columns.put(name + "_gradient_part", Reading.of(change.gradientPart()));
  }

  private static Reading reading(double value, double error) {
    return new Reading(value, OptionalDouble.of(error));
  }

  private static HostBuffer host(Device device, Scope scope, Buffer values) {
    HostBuffer copy = scope.allocate(values.size());
    device.download(values, copy.segment());
    return copy;
  }

  private static ExtremeEigenvalue lambdaMax(SymmetricOperator operator, Tensor t, long seed) {
    Range range = new Range(t.offset, t.size);
    try (SymmetricOperator block = operator.restricted(List.of(range))) {
      return Lanczos.lambdaMax()
          .withCap(LANCZOS_STEPS)
          .withSeed(seed)
          .withCertificate(false)
          .run(block)
          .max();
    }
  }

  /** The first half of the probes chooses what to prune; all give traces. */
  private static void probe(
      SymmetricOperator operator, List<Tensor> tensors, int probes, long seed) {
    int choosing = probes / 2;
    Device device = operator.device();
    try (Scope scope = Scope.open()) {
      Vectors z = device.vectors(scope, 1, operator.dimension());
      Vectors hz = device.vectors(scope, 1, operator.dimension());
      HostBuffer zs = scope.allocate(operator.dimension());
      HostBuffer hzs = scope.allocate(operator.dimension());
      for (int k = 0; k < probes; k++) {
        int probe = k;
        device.algebra().rademacher(seed, probe, z);
        operator.apply(z, hz);
        device.download(z.buffer(), zs.segment());
        device.download(hz.buffer(), hzs.segment());
        LongToDoubleFunction diagonal = i -> zs.get(i) * (double) hzs.get(i);
        tensors.forEach(t -> t.take(probe, probe < choosing, diagonal));
        if (k == choosing - 1) {
          tensors.forEach(Tensor::choose);
        }
      }
    }
  }

  /** Unbiased variance over the full micro-batches of each tensor's part (Welford, 1962). */
  private static double[] variances(Hessian hessian, List<Tensor> tensors, int microBatch) {
    int count = hessian.examples() / microBatch;
    double[] squares = new double[tensors.size()];
    try (Scope scope = Scope.open()) {
      int[] taken = new int[1];
      HostBuffer gradient = scope.allocate(hessian.dimension());
      double[] mean = new double[Math.toIntExact(hessian.dimension())];
      hessian.microBatchGradients(
          microBatch,
          part -> {
            if (taken[0] < count) {
              hessian.device().download(part, gradient.segment());
              taken[0]++;
              for (int t = 0; t < squares.length; t++) {
                squares[t] += tensors.get(t).add(gradient, mean, taken[0]);
              }
            }
          });
    }
    return Arrays.stream(squares)
        .map(s -> NonFiniteException.check("gradient variance", s / (count - 1)))
        .toArray();
  }

  /** A tensor while it is measured. */
  static final class Tensor {
    private final String name;
    private final int size;
    private final long offset;
    private final HostBuffer w;
    private final HostBuffer g;
    private double[] samples;
    private double[] diagonal;
    private boolean[] chosen;
    private LayerCurvature found;
    private double prunedGradient;
    private final List<Double> saliencies = new ArrayList<>();

    Tensor(Parameter parameter, HostBuffer w, HostBuffer g) {
      this.name = parameter.name();
      this.size = Math.toIntExact(parameter.size());
      this.offset = parameter.offset();
      this.w = w;
      this.g = g;
      this.diagonal = new double[size];
    }

    void take(int probe, boolean choosing, LongToDoubleFunction entries) {
      double sum = 0;
      double saliency = 0;
      for (int i = 0; i < size; i++) {
        double entry = entries.applyAsDouble(offset + i);
        sum += entry;
        if (choosing) {
          diagonal[i] += entry;
        } else if (chosen[i]) {
          saliency += entry * w(i) * w(i) / 2;
        }
      }
      samples[probe] = NonFiniteException.check("Hessian-vector product", sum);
      if (!choosing) {
        saliencies.add(saliency);
      }
    }

    private double w(int i) {
      return w.get(offset + i);
    }

    void choose() {
      int[] order =
          IntStream.range(0, size)
              .boxed()
              .sorted((a, b) -> Double.compare(saliency(a), saliency(b)))
              .mapToInt(i -> i)
              .toArray();
      chosen = new boolean[size];
      for (int i = 0; i < size / 2; i++) {
        chosen[order[i]] = true;
        prunedGradient -= g.get(offset + order[i]) * w(order[i]);
      }
      diagonal = null;
    }

    /** Of an estimate below zero the size counts: nothing is known to be gained by pruning it. */
    private double saliency(int i) {
      return Math.abs(diagonal[i]) * w(i) * w(i);
    }

    /** Takes a gradient into the mean, and gives what the squared deviations grow by. */
    double add(HostBuffer gradient, double[] mean, int count) {
      double squares = 0;
      for (int i = Math.toIntExact(offset); i < offset + size; i++) {
        double delta = gradient.get(i) - mean[i];
        mean[i] += delta / count;
        squares += delta * (gradient.get(i) - mean[i]);
      }
      return squares;
    }

    LayerCurvature found() {
      return found;
    }

    /** Whether a parameter of the tensor is among those to be pruned. */
    boolean pruned(int i) {
      return chosen[i];
    }

    void finish(ExtremeEigenvalue lambdaMax, OptionalDouble variance) {
      Estimate trace = Estimate.of(samples);
      double squares = 0;
      for (int i = 0; i < size; i++) {
        squares += g.get(offset + i) * (double) g.get(offset + i);
      }
      Estimate saliency = Estimate.of(saliencies.stream().mapToDouble(s -> s).toArray());
      found =
          new LayerCurvature(
              name,
              size,
              lambdaMax,
              trace,
              Math.sqrt(squares),
              variance,
              rounded(8, trace),
              rounded(4, trace),
              new LossChange(prunedGradient, saliency.value(), saliency.standardError()));
    }

    private LossChange rounded(int bits, Estimate trace) {
      double step = step(bits);
      double squares = 0;
      double gradientPart = 0;
      for (int i = 0; i < size; i++) {
        double change = round(w(i), step) - w(i);
        squares += change * change;
        gradientPart += g.get(offset + i) * change;
      }
      double factor = squares / (2.0 * size);
      return new LossChange(gradientPart, factor * trace.value(), factor * trace.standardError());
    }

    /** Symmetric, one scale for the tensor: its largest magnitude is the largest integer. */
    private double step(int bits) {
      double most = 0;
      for (int i = 0; i < size; i++) {
        most = Math.max(most, Math.abs(w(i)));
      }
      return most / ((1 << (bits - 1)) - 1);
    }

    private static double round(double value, double step) {
      return step == 0 ? 0 : Math.rint(value / step) * step;
    }
  }
}
