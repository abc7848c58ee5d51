package dynaxx.device.cpu;

import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;

/**
 * Moves runs of values between a device's memory and float64 work arrays, so that a kernel whose
 * arithmetic is float64 in any case is written once.
 */
enum Wide {
  /** Memory of the float32 device. */
  FLOAT32 {
    @Override
    void load(Buffer from, long at, double[] to, int size, Scratch scratch) {
      float[] v = scratch.floats(STAGE, size);
      Host.load(Host.segment(from), at, v, size);
      for (int j = 0; j < size; j++) {
        to[j] = v[j];
      }
    }

    @Override
    void store(double[] from, Buffer to, long at, int size, boolean add, Scratch scratch) {
      float[] v = scratch.floats(STAGE, size);
      if (add) {
        Host.load(Host.segment(to), at, v, size);
        for (int j = 0; j < size; j++) {
          v[j] = (float) (v[j] + from[j]);
        }
      } else {
        for (int j = 0; j < size; j++) {
          v[j] = (float) from[j];
        }
      }
      Host.store(v, Host.segment(to), at, size);
    }
  },

  /** Memory of the float64 device. */
  FLOAT64 {
    @Override
    void load(Buffer from, long at, double[] to, int size, Scratch scratch) {
      System.arraycopy(Float64Buffer.of(from).read(at, size), 0, to, 0, size);
    }

    @Override
    void store(double[] from, Buffer to, long at, int size, boolean add, Scratch scratch) {
      Float64Buffer.of(to).write(at, java.util.Arrays.copyOf(from, size), add);
    }
  };

  /** Slot of the thread's work arrays that conversions use. */
  private static final int STAGE = 0;

  abstract void load(Buffer from, long at, double[] to, int size, Scratch scratch);

  abstract void store(double[] from, Buffer to, long at, int size, boolean add, Scratch scratch);

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
