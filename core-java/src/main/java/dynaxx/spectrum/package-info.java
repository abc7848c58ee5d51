/**
 * Estimates of an operator's spectrum (extreme eigenvalues, trace, density) and statistics of
 * gradients. Every estimate comes with its error.
 *
 * <pre>{@code
 * try (CurvatureProbe probe = new CurvatureProbe(network, loss, batch, device)) {
 *   Snapshot now = probe.measure(parameters, ProbeSettings.certified());
 *   System.out.println(now.spectrum().min());               // value, residual and bound
 *   System.out.println(now.spectrum().verdict());           // what is known of its sign
 * }
 * }</pre>
 */
package dynaxx.spectrum;
