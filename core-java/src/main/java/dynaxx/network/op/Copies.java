package dynaxx.network.op;

import dynaxx.memory.Buffer;

/** Copies between arrays of an op. */
final class Copies {

  private Copies() {}

  /** Copies an array of the output's shape for k directions. */
  static void copy(Frame f, int k, Buffer from, Buffer to, boolean add) {
    long n = f.outputShape().size();
    f.device().kernels().rows().copyRows((long) k * f.examples(), n, from, 0, n, to, 0, n, add);
  }
}
