/**
 * What this machine's training steps and snapshots cost: measured, kept in a file, planned with.
 */
package dynaxx.app.plan;
