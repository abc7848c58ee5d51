package dynaxx.network;

import dynaxx.device.Device;
import dynaxx.network.op.LossFrame;
import java.util.Arrays;

/**
 * Predictions and targets of a batch on the host, cut into pieces that have a term of their own:
 * rows where the terms are sums over rows, else whole examples, or all that is coupled. The cut
 * does not depend on the number of threads, and sums go over the pieces in their order.
 */
final class HostUnits {

  private static final int VALUES_OF_TASK = 4096;

  /** Steps that one prediction takes, of which exponentials are most. */
  private static final int STEPS = 16;

  private final Device device;
  private final Terms piece;
  private final int units;
  private final int pieces;
  private final int size;
  private final int targetsOfUnit;
  private final int targets;
  private final boolean weighted;
  private final double[] z;
  private final double[] t;

  /**
   * Reads a batch.
   *
   * @param terms of a unit
   * @param units examples, or 1 if they are coupled
   * @param targetsOfUnit with the weight, if there is one
   * @param weighted whether the last target is a weight
   */
  HostUnits(LossFrame f, Terms terms, int units, int targetsOfUnit, boolean weighted) {
    this.device = f.device();
    this.units = units;
    this.targetsOfUnit = targetsOfUnit;
    this.weighted = weighted;
    int sizeOfUnit = Math.toIntExact(f.examples() / units * f.output().size());
    if (terms instanceof RowTerms rows) {
      piece = rows.row();
      size = rows.size();
      targets = rows.targets();
    } else {
      piece = terms;
      size = sizeOfUnit;
      targets = targetsOfUnit;
    }
    pieces = sizeOfUnit / size;
    z = HostArrays.read(device, f.z(), (long) units * sizeOfUnit);
    t = HostArrays.read(device, f.targets(), (long) units * targetsOfUnit);
  }

  int predictions() {
    return z.length;
  }

  private double weight(int unit) {
    return weighted ? t[(unit + 1) * targetsOfUnit - 1] : 1;
  }

  private double[] z(int i) {
    return Arrays.copyOfRange(z, i * size, (i + 1) * size);
  }

  private double[] t(int i) {
    int from = i / pieces * targetsOfUnit + i % pieces * targets;
    return Arrays.copyOfRange(t, from, from + targets);
  }

  /** What is done with a piece that counts. */
  private interface Work {
    void on(int i, double weight, double[] z, double[] t);
  }

  private void each(int directions, Work work) {
    int all = units * pieces;
    int together = Math.max(1, VALUES_OF_TASK / size);
    int tasks = (all + together - 1) / together;
    if (!piece.isConcurrent()) {
      for (int task = 0; task < tasks; task++) {
        run(task * together, Math.min(all, (task + 1) * together), work);
      }
      return;
    }
    long steps = (long) STEPS * together * size * directions;
    device.share(
        tasks, steps, task -> run(task * together, Math.min(all, (task + 1) * together), work));
  }

  private void run(int from, int to, Work work) {
    for (int i = from; i < to; i++) {
      double weight = weight(i / pieces);
      if (weight != 0) {
        work.on(i, weight, z(i), t(i));
      }
    }
  }

  double value() {
    double[] values = new double[units * pieces];
    each(1, (i, weight, zi, ti) -> values[i] = piece.value(zi, ti));
    double sum = 0;
    for (int u = 0; u < units; u++) {
      double unit = 0;
      for (int r = 0; r < pieces; r++) {
        unit += values[u * pieces + r];
      }
      sum += weight(u) == 0 ? 0 : weight(u) * unit;
    }
    return sum;
  }

  double[] gradient(double scale) {
    double[] all = new double[z.length];
    each(
        1,
        (i, weight, zi, ti) -> {
          double[] d = new double[size];
          piece.gradient(zi, ti, d);
          put(d, scale * weight, all, i * size);
        });
    return all;
  }

  /** Products with k directions, one after the other. */
  double[] products(double scale, int k, double[] v) {
    double[] all = new double[v.length];
    each(
        k,
        (i, weight, zi, ti) -> {
          Terms.Product product = piece.hessian(zi, ti);
          double[] d = new double[size];
          for (int j = 0; j < k; j++) {
            int at = j * z.length + i * size;
            product.apply(Arrays.copyOfRange(v, at, at + size), d);
            put(d, scale * weight, all, at);
          }
        });
    return all;
  }

  private static void put(double[] from, double factor, double[] to, int at) {
    for (int i = 0; i < from.length; i++) {
      to[at + i] = factor * from[i];
    }
  }
}
