package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.lang.foreign.ValueLayout;

/**
 * XDiag (Epperly, Tropp and Webber, 2024), the diagonal by the probes and bases of {@link XTrace}:
 *
 * <pre>{@code d_i = diag(Q_i Q_i' H) + z_i * ((I - Q_i Q_i') H z_i)}</pre>
 *
 * with {@code *} entry by entry. Each d_i is unbiased, and exact when the rank of H is below the
 * number of probes. Since {@code H z_i = Q r_i}, the second term is {@code z_i * Q s_i} times
 * {@code s_i'r_i}: nothing is needed beyond Q, HQ and small matrices.
 */
final class XDiag {

  /** Entries that are combined at a time. */
  private static final int CHUNK = 4096;

  private XDiag() {}

  /** The diagonal and the standard error of each entry, two vectors in host memory. */
  static Vectors run(SymmetricOperator operator, int products, long seed, Scope scope) {
    if (products < 4 || products % 2 != 0) {
      throw new IllegalArgumentException(
          "products: found " + products + ", expected an even number of at least 4");
    }
    Device device = operator.device();
    int count = products / 2;
    long n = operator.dimension();
    Vectors found = scope.vectors(2, n);
    try (Scope work = Scope.open()) {
      Vectors z = device.vectors(work, count, n);
      Vectors q = device.vectors(work, count, n);
      device.algebra().rademacher(seed, 0, z);
      operator.apply(z, q);
      GramSchmidt.Factor factor = GramSchmidt.factor(device, q);
      int rank = factor.rank();
      if (rank > 0) {
        Vectors basis = q.subset(0, rank);
        Vectors image = device.vectors(work, rank, n);
        operator.apply(basis, image);
        double[][] none = new double[0][];
        new Combination(device, z, basis, image, factor, new LeaveOneOut(factor, none, none))
            .into(found, work);
      }
    }
    return found;
  }

  /** The entries, from the vectors on the device. */
  private static final class Combination {
    private final Device device;
    private final Vectors z;
    private final Vectors q;
    private final Vectors hq;
    private final double[][] missing;
    private final double[] outside;

    Combination(
        Device device,
        Vectors z,
        Vectors q,
        Vectors hq,
        GramSchmidt.Factor factor,
        LeaveOneOut leaveOneOut) {
      this.device = device;
      this.z = z;
      this.q = q;
      this.hq = hq;
      this.missing = new double[z.count()][];
      this.outside = new double[z.count()];
      for (int i = 0; i < missing.length; i++) {
        missing[i] = leaveOneOut.missing(i);
        for (int a = 0; a < missing[i].length; a++) {
          outside[i] += missing[i][a] * factor.columns()[i][a];
        }
      }
    }

    void into(Vectors found, Scope scope) {
      HostBuffer probes = scope.allocate((long) z.count() * CHUNK);
      HostBuffer basis = scope.allocate((long) q.count() * CHUNK);
      HostBuffer image = scope.allocate((long) q.count() * CHUNK);
      HostBuffer values = (HostBuffer) found.vector(0);
      HostBuffer errors = (HostBuffer) found.vector(1);
      for (long from = 0; from < z.length(); from += CHUNK) {
        int size = (int) Math.min(CHUNK, z.length() - from);
        load(z, from, size, probes);
        load(q, from, size, basis);
        load(hq, from, size, image);
        for (int j = 0; j < size; j++) {
          Moments moments = entry(probes, basis, image, j);
          double mean = NonFiniteException.check("Hessian-vector product", moments.mean);
          set(values, from + j, mean);
          set(errors, from + j, Math.sqrt(moments.squares / (z.count() - 1) / z.count()));
        }
      }
    }

    private void load(Vectors from, long at, int size, HostBuffer to) {
      for (int i = 0; i < from.count(); i++) {
        device.download(
            from.vector(i).slice(at, size), to.segment().asSlice(4L * i * CHUNK, 4L * size));
      }
    }

    private Moments entry(HostBuffer probes, HostBuffer basis, HostBuffer image, int j) {
      double inside = 0;
      for (int a = 0; a < q.count(); a++) {
        inside += get(basis, a, j) * get(image, a, j);
      }
      Moments moments = new Moments();
      for (int i = 0; i < z.count(); i++) {
        double along = 0;
        double imageAlong = 0;
        for (int a = 0; a < q.count(); a++) {
          along += missing[i][a] * get(basis, a, j);
          imageAlong += missing[i][a] * get(image, a, j);
        }
        moments.add(inside + along * (outside[i] * get(probes, i, j) - imageAlong));
      }
      return moments;
    }

    private static double get(HostBuffer chunk, int row, int j) {
      return chunk.segment().getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * CHUNK + j);
    }

    private static void set(HostBuffer to, long at, double value) {
      to.segment().setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) value);
    }
  }

  /** Mean and squared deviations, updated one by one (Welford, 1962). */
  private static final class Moments {
    private int count;
    private double mean;
    private double squares;

    void add(double x) {
      count++;
      double before = x - mean;
      mean += before / count;
      squares += before * (x - mean);
    }
  }
}
