/**
 * The pure-Java device: host memory, a worker pool, and row primitives in two versions, one over
 * the Vector API and one in plain Java; and beside it the same kernels in float64, simple rather
 * than fast.
 */
package dynaxx.device.cpu;
