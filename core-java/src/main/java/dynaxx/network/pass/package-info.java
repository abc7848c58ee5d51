/**
 * Passes over a network: tapes that record values and adjoints, and sweeps of tangents over them.
 * Not exported.
 */
package dynaxx.network.pass;
