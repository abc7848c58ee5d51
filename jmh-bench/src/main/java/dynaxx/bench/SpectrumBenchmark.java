package dynaxx.bench;

import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Lanczos;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * What the estimators cost beside their products: the operator is diagonal, so that a product is
 * one pass over a vector.
 */
public class SpectrumBenchmark extends DeviceBenchmark {

  private static final int STEPS = 15;
  private static final int PROBES = 8;

  /** Parameters: a network that fits the cache, and two that do not. */
  @Param({"100000", "1000000", "10000000"})
  public int parameters;

  private SymmetricOperator operator;
  private Directions probes;

  /** Makes a spectrum from -1 to 1. */
  @Setup(Level.Trial)
  public void open() {
    openDevice();
    HostBuffer values = scope.allocate(parameters);
    for (int i = 0; i < parameters; i++) {
      values.set(i, 2f * i / parameters - 1);
    }
    Buffer diagonal = device.upload(scope, values.segment());

    operator =
        SymmetricOperator.of(
            parameters,
            device,
            (v, hv) ->
                device
                    .kernels()
                    .elementwise()
                    .multiply(v.count(), parameters, diagonal, v.buffer(), hv.buffer(), false));
    probes = Directions.of(device, scope, PROBES, parameters);
  }

  /**
   * Fifteen steps of Lanczos with full reorthogonalisation, start vector included.
   *
   * @return Ritz values and residuals
   */
  @Benchmark
  public Lanczos.Result lanczos() {
    return Lanczos.fixed(STEPS).run(operator);
  }

  /**
   * Eight Rademacher probes.
   *
   * @return the probes
   */
  @Benchmark
  public Vectors rademacher() {
    device.algebra().rademacher(1, 0, probes.v());
    return probes.done();
  }
}
