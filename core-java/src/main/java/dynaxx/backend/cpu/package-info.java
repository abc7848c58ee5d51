/**
 * The pure-Java backend: host memory, a worker pool, and row primitives in two versions, one over
 * the Vector API and one in plain Java.
 */
package dynaxx.backend.cpu;
