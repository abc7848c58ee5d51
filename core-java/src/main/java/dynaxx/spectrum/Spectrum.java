package dynaxx.spectrum;

import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import java.util.Optional;

/**
 * One measurement of an operator's spectrum.
 *
 * @param min the smallest eigenvalue
 * @param max the largest eigenvalue
 * @param verdict on the sign of the smallest
 * @param trace with its standard error
 * @param density of the spectrum, from the quadratures of the Lanczos starts; empty if there was no
 *     run from random starts
 * @param cost what it took
 */
public record Spectrum(
    ExtremeEigenvalue min,
    ExtremeEigenvalue max,
    Verdict verdict,
    Estimate trace,
    Optional<SpectralDensity> density,
    Cost cost) {

  /**
   * Whether the extreme eigenvalues are Rayleigh quotients, at this point, of Ritz vectors from an
   * earlier one: the smallest eigenvalue is at most, the largest at least that, and nothing says
   * how far away they are. Otherwise they are Ritz values of a Lanczos run at this point, with
   * residuals and bounds.
   *
   * @return true after a cheap measurement
   */
  public boolean ofStoredVectors() {
    return min.residual().isEmpty();
  }

  /**
   * How many products and forms a measurement used.
   *
   * @param products Hessian-vector products
   * @param forms quadratic forms
   * @param sweeps calls in which they came together
   * @param forms64 quadratic forms in float64
   */
  public record Cost(int products, int forms, int sweeps, int forms64) {

    /**
     * The work in gradients over the same examples, counted in matrix products: 2 for a product, 1
     * for a form, 2 (of float64) for a form in float64, which records its own passes.
     *
     * @return gradients of the same work
     */
    public double gradientEquivalents() {
      return 2.0 * products + forms + 2.0 * forms64;
    }
  }
}
