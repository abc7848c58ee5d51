/**
 * Matrix products of the CPU device in C: AVX2, AVX-512 and AMX, chosen at run time, called from
 * the device's own threads through the Foreign Function and Memory API.
 */
package dynaxx.nativecpu;
