/**
 * Random numbers by counter: a seed, a stream and a position give the same bits on every device.
 */
package dynaxx.random;
