package dynaxx.spectrum;

import java.util.Optional;

/**
 * One measurement of an operator's spectrum.
 *
 * @param source where the extreme eigenvalues come from
 * @param min the smallest eigenvalue
 * @param max the largest eigenvalue
 * @param verdict on the sign of the smallest
 * @param trace with its standard error
 * @param density of the spectrum, from the quadratures of the Lanczos starts; empty if there was no
 *     run from random starts
 * @param cost what it took
 */
public record Spectrum(
    Source source,
    ExtremeEigenvalue min,
    ExtremeEigenvalue max,
    Verdict verdict,
    Hutchinson.Trace trace,
    Optional<SpectralDensity> density,
    Cost cost) {

  /** Where extreme eigenvalues come from. */
  public enum Source {
    /** A Lanczos run at this point: Ritz values with residuals and bounds. */
    LANCZOS,
    /**
     * Rayleigh quotients, at this point, of Ritz vectors from an earlier one: the smallest
     * eigenvalue is at most, the largest at least that; nothing says how far away they are.
     */
    STORED_VECTORS
  }
}
