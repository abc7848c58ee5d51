package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.dense.SymmetricEigen;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Parameter;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.LayerCurvature.LossChange;
import dynaxx.spectrum.LayerCurvature.Tensor;
import dynaxx.testing.KnownCase;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tensor by tensor, against PyTorch's values and against networks that are really made smaller. */
class LayerCurvatureTest {

  private static final int PROBES = 64;

  /** Pairs of opposite roundings that are averaged: the gradient's part cancels in each. */
  private static final int PAIRS = 12;

  static Stream<KnownCase> cases() {
    return KnownCase.all();
  }

  /** A case at its parameters, with the loss anywhere. */
  private static final class At implements AutoCloseable {
    final KnownCase c;
    final Device device = Devices.cpu(2);
    final Scope scope = Scope.open();
    final HostBuffer parameters;
    final Hessian hessian;
    final Device precise = device.float64().orElseThrow();
    final UpdateProbe.Losses losses;
    final double before;
    final HostBuffer moved;

    At(KnownCase c) {
      this.c = c;
      parameters = c.host(scope, "parameters");
      hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device).linearize(parameters);
      Batch placed = c.batch(scope).on(precise, scope);
      losses = SubsetLosses.within(1 << 28, c.network(), c.loss(), placed, precise).orElseThrow();
      moved = scope.allocate(parameters.size());
      before = loss(parameters);
    }

    /** In double precision, as the changes are small. */
    private double loss(HostBuffer values) {
      try (Scope temporary = Scope.open()) {
        return losses.at(precise.upload(temporary, values.segment()));
      }
    }

    double loss(Parameter p, double[] change, double factor) {
      moved.put(parameters.toArray());
      for (int i = 0; i < change.length; i++) {
        long at = p.offset() + i;
        moved.set(at, (float) (parameters.get(at) + factor * change[i]));
      }
      return loss(moved);
    }

    /** Mean over random signs of the change of the loss, without its gradient's part. */
    double average(Parameter p, double[] change, long seed) {
      Random random = new Random(seed);
      double sum = 0;
      for (int k = 0; k < PAIRS; k++) {
        double[] signed = Arrays.stream(change).map(d -> random.nextBoolean() ? d : -d).toArray();
        sum += (loss(p, signed, 1) + loss(p, signed, -1)) / 2 - before;
      }
      return sum / PAIRS;
    }

    double[] rounding(Parameter p, int bits) {
      double most = 0;
      for (int i = 0; i < p.size(); i++) {
        most = Math.max(most, Math.abs(parameters.get(p.offset() + i)));
      }
      double step = most / (Math.pow(2, bits - 1) - 1);
      double[] change = new double[(int) p.size()];
      for (int i = 0; i < change.length && step > 0; i++) {
        double w = parameters.get(p.offset() + i);
        change[i] = Math.round(w / step) * step - w;
      }
      return change;
    }

    @Override
    public void close() {
      hessian.close();
      losses.close();
      precise.close();
      scope.close();
      device.close();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void tensorsAddUpToWhatPyTorchFound(KnownCase c) {
    try (At at = new At(c)) {
      float[] before = at.parameters.toArray();
      int size = c.expected().get("micro_batch").asInt();
      List<LayerCurvature> found = LayerCurvature.measure(at.hessian, c.network(), PROBES, size, 1);
      assertEquals(c.network().parameters().size(), found.size());
      LayerTraces traces =
          LayerTraces.measure(at.hessian, LayerTraces.tensors(c.network()), PROBES, 1);
      double sum = 0;
      double variance = 0;
      double[] gradient = c.array("gradient");
      double max = c.expected().get("lambda_max").asDouble();
      for (int i = 0; i < found.size(); i++) {
        LayerCurvature layer = found.get(i);
        Parameter p = c.network().parameters().get(i);
        assertEquals(p.name(), layer.name());
        Estimate trace = traces.layers().get(p.name());
        assertEquals(trace.value(), layer.trace().value(), 1e-4 * trace.standardError() + 1e-5);
        assertTrue(layer.lambdaMax().value() <= max * (1 + 1e-5), "a block's is below the whole's");
        double squares = 0;
        for (long j = p.offset(); j < p.offset() + p.size(); j++) {
          squares += gradient[(int) j] * gradient[(int) j];
        }
        assertEquals(Math.sqrt(squares), layer.gradientNorm(), 1e-5 * Math.sqrt(squares) + 1e-7);
        sum += layer.trace().value();
        variance += layer.gradientVariance().orElseThrow();
      }
      double error = traces.total().standardError();
      assertEquals(c.expected().get("trace").asDouble(), sum, 4 * error);
      double expected = c.expected().get("micro_batch_gradient_variance").asDouble();
      assertEquals(expected, variance, 1e-4 * expected);
      Map<String, Signal.Reading> row =
          LayerTraces.table(at.hessian, c.network(), 4, 0, 1).lastEntry().getValue();
      assertEquals(found.getLast().gradientNorm(), row.get("gradient_norm").value());
      assertFalse(row.containsKey("gradient_variance"), "not wanted");
      assertTrue(row.get("int4_loss").error().isPresent());
      assertArrayEquals(before, at.parameters.toArray(), "parameters were changed");
    }
  }

  /** The block of the last bias, from losses in double precision alone. */
  @Test
  void aBlocksLargestEigenvalueIsThatOfItsDenseMatrix() {
    KnownCase c = KnownCase.mlpTanh();
    DoubleMlp exact = new DoubleMlp(c);
    Parameter bias = c.network().parameters().getLast();
    int n = (int) bias.size();
    double[][] block = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double[] sum = new double[exact.parameters.length];
        double[] difference = sum.clone();
        int offset = (int) bias.offset();
        sum[offset + i] += 1;
        sum[offset + j] += 1;
        difference[offset + i] += 1;
        difference[offset + j] -= 1;
        block[i][j] =
            (exact.form(sum, 0, exact.examples())
                    - (i == j ? 0 : exact.form(difference, 0, exact.examples())))
                / 4;
      }
    }
    double largest = SymmetricEigen.of(block).values()[n - 1];
    double trace = 0;
    for (int i = 0; i < n; i++) {
      trace += block[i][i];
    }
    try (At at = new At(c)) {
      LayerCurvature found = LayerCurvature.measure(at.hessian, c.network(), 400, 0, 1).getLast();
      assertEquals(largest, found.lambdaMax().value(), 1e-3 * largest);
      assertEquals(trace, found.trace().value(), 4 * found.trace().standardError() + 1e-6);
      assertTrue(found.gradientVariance().isEmpty());
    }
  }

  /** Sums over the tensors, each changed alone. */
  private record Sums(double curvature, double error, double averaged, double total, double real) {

    static final Sums NOTHING = new Sums(0, 0, 0, 0, 0);

    Sums plus(LossChange expected, double average, double actual) {
      return new Sums(
          curvature + expected.curvaturePart(),
          Math.hypot(error, expected.error()),
          averaged + average,
          total + expected.total(),
          real + actual);
    }

    /** The mean over roundings of both signs, and the one rounding that is really made. */
    void check(String what) {
      System.out.printf(
          Locale.ROOT,
          "%-22s curvature part %.3g +- %.1g, averaged %.3g; with the gradient %.3g, really %.3g%n",
          what,
          curvature,
          error,
          averaged,
          total,
          real);
      assertEquals(averaged, curvature, 4 * error + 0.25 * averaged, what + ", averaged");
      double size = Math.max(Math.abs(real), curvature);
      assertEquals(real, total, 4 * error + 0.25 * size, what + ", really");
    }
  }

  private interface Change {
    double[] of(Parameter p, Tensor t);
  }

  private static Sums sums(
      At at, List<Tensor> tensors, Change change, Function<LayerCurvature, LossChange> expected) {
    Sums sums = Sums.NOTHING;
    for (int i = 0; i < tensors.size(); i++) {
      Parameter p = at.c.network().parameters().get(i);
      double[] d = change.of(p, tensors.get(i));
      double real = at.loss(p, d, 1) - at.before;
      sums = sums.plus(expected.apply(tensors.get(i).found()), at.average(p, d, i), real);
    }
    return sums;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void networksMadeSmallerLoseWhatIsExpected(KnownCase c) {
    try (At at = new At(c)) {
      List<Tensor> tensors = LayerCurvature.measured(at.hessian, c.network(), PROBES, 0, 1);
      sums(at, tensors, (p, t) -> at.rounding(p, 8), LayerCurvature::int8).check(c + " int8");
      sums(at, tensors, (p, t) -> at.rounding(p, 4), LayerCurvature::int4).check(c + " int4");
      Change pruning =
          (p, t) ->
              IntStream.range(0, (int) p.size())
                  .mapToDouble(j -> t.pruned(j) ? -at.parameters.get(p.offset() + j) : 0)
                  .toArray();
      sums(at, tensors, pruning, LayerCurvature::pruned).check(c + " pruned");
    }
  }

  @Test
  void fewProbesAreRefused() {
    try (At at = new At(KnownCase.mlpTanh())) {
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> LayerCurvature.measure(at.hessian, at.c.network(), 3, 0, 1))
              .getMessage();
      assertEquals("probes: found 3, expected at least 4 (two choose, two measure)", message);
    }
  }
}
