/**
 * Estimators of a symmetric operator's spectrum, and statistics of gradients; every estimate comes
 * with its error.
 */
package dynaxx.spectrum;
