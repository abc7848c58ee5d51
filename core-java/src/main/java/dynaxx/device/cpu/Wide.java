package dynaxx.device.cpu;

import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/**
 * Moves runs of values between a device's memory and float64 work arrays, for kernels whose
 * arithmetic is float64 in any case.
 */
record Wide<A>(Loops<A> loops) {

  private static final int STAGE = 10;
  private static final int OLD = 9;

  void load(Buffer from, long at, double[] to, int size, Scratch scratch) {
    A v = loops.array(scratch, STAGE, size);
    loops.load(from, at, v, size);
    loops.widen(v, to, size);
  }

  void store(double[] from, Buffer to, long at, int size, boolean add, Scratch scratch) {
    double[] values = from;
    if (add) {
      values = scratch.doubles(OLD, size);
      load(to, at, values, size, scratch);
      for (int j = 0; j < size; j++) {
        values[j] += from[j];
      }
    }
    A v = loops.array(scratch, STAGE, size);
    loops.narrow(values, v, size);
    loops.store(v, to, at, size);
  }

  /** A run in an array of its own; zeros if there is none. */
  double[] run(Strided runs, int i, int size) {
    double[] values = new double[size];
    if (runs != null) {
      load(runs.buffer(), Host.start(runs, i), values, size, new Scratch());
    }
    return values;
  }

  /** The runs of k directions; zeros if there are none. */
  double[][] runs(Strided runs, int k, int size) {
    double[][] values = new double[k][];
    for (int i = 0; i < k; i++) {
      values[i] = run(runs, i, size);
    }
    return values;
  }

  /** Adds to a run. */
  void add(double[] values, Strided runs, int i) {
    store(values, runs.buffer(), Host.start(runs, i), values.length, true, new Scratch());
  }
}
