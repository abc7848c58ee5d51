package dynaxx.spectrum;

/**
 * Gauss quadrature of a spectrum from one Lanczos run of a random start vector (Golub and Meurant,
 * 1994): the mean of f over the eigenvalues is about {@code sum of weights[i] f(nodes[i])}, exactly
 * so for the start vector's own spectral measure and polynomials of degree up to 2m - 1.
 *
 * @param nodes Ritz values, ascending
 * @param weights squared first components of their Ritz vectors, summing to 1
 */
public record Quadrature(double[] nodes, double[] weights) {}
