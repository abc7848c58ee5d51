/**
 * The ops that networks are graphs of, and the frame that shows an op the sweep it takes part in.
 * Not exported: networks are made by {@code dynaxx.model} and by importers.
 *
 * <p>Each op states five passes: forward, backward, tangentForward, tangentBackward and curvature.
 * Everything second-order comes from them (Pearlmutter, "Fast exact multiplication by the Hessian",
 * 1994).
 */
package dynaxx.network.op;
