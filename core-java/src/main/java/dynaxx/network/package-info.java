/**
 * Networks as graphs of {@link dynaxx.network.Op}s, each stating its five passes: forward,
 * backward, tangentForward, tangentBackward and curvature. Everything second-order comes from them
 * (Pearlmutter, "Fast exact multiplication by the Hessian", 1994).
 */
package dynaxx.network;
