package dynaxx.spectrum;

import dynaxx.backend.Backend;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.Arrays;

/**
 * Trace by Rademacher probes (Hutchinson, 1989): the mean of z'Hz, whose variance over one probe is
 * {@code 2 (||H||_F^2 - sum of h_ii^2)}. Probes come from {@link dynaxx.backend.Philox}; the same
 * seed gives the same probes at every snapshot, so differences between snapshots are sharper than
 * either value.
 *
 * @param probes number of probes, at least 2 so that the error can be estimated
 * @param seed fixes the probes
 */
public record Hutchinson(int probes, long seed) {

  private static final int PROBES_AT_ONCE = 8;

  /**
   * Checks the settings.
   *
   * @param probes number of probes
   * @param seed fixes the probes
   * @throws IllegalArgumentException if probes is below 2
   */
  public Hutchinson {
    if (probes < 2) {
      throw new IllegalArgumentException(
          "probes: found " + probes + ", expected at least 2 (one probe gives no error estimate)");
    }
  }

  /**
   * An estimate of the trace.
   *
   * @param value mean of the samples
   * @param standardError standard deviation of that mean, estimated from the samples
   * @param samples z'Hz of each probe
   */
  public record Trace(double value, double standardError, double[] samples) {}

  /**
   * Estimates the trace of an operator.
   *
   * @param operator a symmetric operator
   * @return mean, standard error and samples
   * @throws NonFiniteException if a quadratic form is NaN or infinite
   */
  public Trace run(SymmetricOperator operator) {
    Backend backend = operator.backend();
    double[] samples = new double[probes];
    try (Scope scope = Scope.open()) {
      Vectors block =
          backend.vectors(scope, Math.min(probes, PROBES_AT_ONCE), operator.dimension());
      for (int from = 0; from < probes; from += block.count()) {
        Vectors z = block.subset(0, Math.min(block.count(), probes - from));
        backend.rademacher(seed, from, z);
        double[] forms = operator.quadraticForm(z);
        System.arraycopy(forms, 0, samples, from, forms.length);
      }
    }
    return estimate(samples);
  }

  private static Trace estimate(double[] samples) {
    for (double sample : samples) {
      NonFiniteException.check("quadratic form", sample);
    }
    double mean = Arrays.stream(samples).average().orElseThrow();
    double squares = Arrays.stream(samples).map(x -> (x - mean) * (x - mean)).sum();
    double error = Math.sqrt(squares / (samples.length - 1) / samples.length);
    return new Trace(mean, error, samples);
  }
}
