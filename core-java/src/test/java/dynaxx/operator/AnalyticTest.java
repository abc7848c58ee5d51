package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Norm;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.Numbers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hessians that are known in closed form. */
class AnalyticTest {

  /**
   * With epsilon = 0 the loss does not depend on the scale of weights before a normalisation: H w =
   * -g along them.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void scaleInvariantWeights(boolean centred) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(6));
    Parameter scaled = g.parameter("scaled", Initializer.deviation(0.5), 8, 6);
    Parameter gamma = g.parameter("gamma", Initializer.ONES, 8);
    Parameter head = g.parameter("head", Initializer.deviation(0.5), 3, 8);
    NetworkBuilder.Node x = g.add(new Linear(scaled, null), g.input());
    x = g.add(new Norm(gamma, null, 0, centred), x);
    Network network = g.build(g.add(new Linear(head, null), x));
    Loss loss = Loss.crossEntropy();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 9);
      Batch batch = Samples.batch(scope, network, loss, 7, 2);
      try (Hessian hessian = new Hessian(network, loss, batch, device)) {
        hessian.linearize(w);
        Vectors v = scope.vectors(1, w.size());
        device.algebra().copy(network.view(w, "scaled"), network.view(v.buffer(), "scaled"));
        Vectors hv = scope.vectors(1, w.size());
        hessian.apply(v, hv);
        double[] minusGradient = Numbers.doubles(network.view(hessian.gradient(), "scaled"));
        for (int i = 0; i < minusGradient.length; i++) {
          minusGradient[i] = -minusGradient[i];
        }
        float[] found = ((HostBuffer) network.view(hv.buffer(), "scaled")).toArray();
        Numbers.assertClose("H w = -g", minusGradient, found, 1e-5);
        assertEquals(
            0,
            device
                .algebra()
                .dot(network.view(hessian.gradient(), "scaled"), network.view(w, "scaled")),
            1e-6);
      }
    }
  }

  /**
   * At W = 0 the Hessian is (I - 11'/C) / C (x) X'X/N: eigenvalues mu_i / C, each C - 1 times, and
   * zeros.
   */
  @Test
  void softmaxRegressionAtZero() {
    int in = 5;
    int classes = 4;
    NetworkBuilder g = NetworkBuilder.of(Shape.of(in));
    Parameter weight = g.parameter("w", Initializer.ZEROS, classes, in);
    Network network = g.build(g.add(new Linear(weight, null), g.input()));
    Loss loss = Loss.crossEntropy();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, loss, 40, 3);
      double[] x = Numbers.doubles(batch.inputs());
      double[] v = Numbers.uniform(classes * in, 4);
      double[] expected = new double[v.length];
      for (int e = 0; e < 40; e++) {
        double[] z = new double[classes];
        double mean = 0;
        for (int c = 0; c < classes; c++) {
          for (int i = 0; i < in; i++) {
            z[c] += (float) v[c * in + i] * x[e * in + i];
          }
          mean += z[c] / classes;
        }
        for (int c = 0; c < classes; c++) {
          for (int i = 0; i < in; i++) {
            expected[c * in + i] += (z[c] - mean) / classes * x[e * in + i] / 40;
          }
        }
      }
      try (Hessian hessian = new Hessian(network, loss, batch, device)) {
        Vectors hv = scope.vectors(1, v.length);
        hessian.linearize(scope.allocate(v.length)).apply(Numbers.vectors(scope, 1, v), hv);
        Numbers.assertClose("H v", expected, ((HostBuffer) hv.buffer()).toArray(), 2e-6);
        assertEquals(Math.log(classes), hessian.loss(), 1e-7);
        assertTrue(Lanczos.fixed(20).run(hessian).min().value() > -1e-6, "no negative eigenvalue");
      }
    }
  }

  /**
   * Two linear layers at 0 with L = |W2 W1 X - Y|^2 / (N C): the only eigenvalues besides 0 are +-2
   * sigma_i(Y X') / (N C). Here X and Y make Y X'/N the diagonal matrix (3, 1).
   */
  @Test
  void twoLinearLayersAtZero() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(2));
    Parameter w1 = g.parameter("w1", Initializer.ZEROS, 3, 2);
    Parameter w2 = g.parameter("w2", Initializer.ZEROS, 2, 3);
    NetworkBuilder.Node hidden = g.add(new Linear(w1, null), g.input());
    Network network = g.build(g.add(new Linear(w2, null), hidden));
    Loss loss = Loss.meanSquaredError();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      HostBuffer x = scope.allocate(4).put(1, 0, 0, 1);
      HostBuffer y = scope.allocate(4).put(6, 0, 0, 2);
      Batch batch = Batch.of(network, loss, x, y);
      try (Hessian hessian = new Hessian(network, loss, batch, device)) {
        Lanczos.Result result = Lanczos.fixed(12).run(hessian.linearize(scope.allocate(12)));
        assertEquals(3, result.max().value(), 1e-6);
        assertEquals(-3, result.min().value(), 1e-6);
        assertTrue(result.exhausted());
        assertTrue(result.products() <= 6, "five distinct eigenvalues");
        assertEquals(1, result.ritz().get(result.ritz().size() - 2).value(), 1e-5);
      }
    }
  }
}
