/** Off-heap float32 memory: who owns it, how long it lives, and blocks of k vectors. */
package dynaxx.memory;
