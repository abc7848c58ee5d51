/**
 * What training steps and snapshots cost before any was made: work counted in floating-point
 * operations, bytes and launches, and turned into seconds by coefficients that were measured.
 * Internal: for the monitor and the command line.
 */
package dynaxx.cost;
