package dynaxx.spectrum;

import dynaxx.dense.SymmetricEigen;
import dynaxx.dense.TridiagonalEigen;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.Lanczos.RitzValue;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * An orthonormal basis Q of a Krylov space and the operator projected on it, {@code Q'HQ}, grown by
 * one product at a time. When the basis is full it is thick-restarted (Wu and Simon, 2000): the
 * wanted Ritz vectors and the residual direction they share stay, and the projection is an
 * arrowhead followed by a tridiagonal matrix.
 */
final class KrylovSpace {

  /**
   * Below this fraction of the longest product, in units of roundoff, what is left of a product is
   * rounding noise.
   */
  private static final double BREAKDOWN = 7;

  /** Error of a product in units of roundoff times the norm of the operator. */
  private static final double ROUNDING = 16;

  private final Device device;
  private final Vectors basis;
  private final double[][] projection;
  private int size;
  private double left;
  private double largestProduct;
  private boolean exhausted;
  private FirstCycle firstCycle;

  /** Ritz values, with what is needed of their vectors in the basis. */
  record Ritz(double[] values, double[] residuals, double[] weights) {
    List<RitzValue> list() {
      return IntStream.range(0, values.length)
          .mapToObj(i -> new RitzValue(values[i], residuals[i]))
          .toList();
    }
  }

  /** Ritz values and couplings before the first restart, on which probabilistic bounds rest. */
  record FirstCycle(double[] values, double[] weights, double[] couplings) {}

  /**
   * Begins a space.
   *
   * @param basis one vector more than the space may hold; receives the normalised start vector
   */
  KrylovSpace(Device device, Vectors basis, Buffer start) {
    this.device = device;
    this.basis = basis;
    this.projection = new double[basis.count() - 1][basis.count() - 1];
    device
        .algebra()
        .axpby(1 / Math.sqrt(device.algebra().dot(start, start)), start, 0, basis.vector(0));
  }

  /** The vector whose product comes next. */
  Vectors pending() {
    return basis.subset(size, 1);
  }

  boolean exhausted() {
    return exhausted;
  }

  boolean full() {
    return size == projection.length;
  }

  int capacity() {
    return projection.length;
  }

  boolean restarted() {
    return firstCycle != null;
  }

  /** Takes the products of the pending vectors of several spaces, which it overwrites. */
  static void absorb(List<KrylovSpace> spaces, Vectors products) {
    List<Vectors> bases = spaces.stream().map(space -> space.basis).toList();
    int[] counts = spaces.stream().mapToInt(space -> space.size + 1).toArray();
    double[] before = new double[counts.length];
    double[] after = new double[counts.length];
    double[][] components =
        spaces
            .getFirst()
            .device
            .algebra()
            .orthonormalise(bases, counts, products.subset(0, counts.length), before, after);
    for (int i = 0; i < counts.length; i++) {
      spaces.get(i).absorb(components[i], before[i], after[i]);
    }
  }

  private void absorb(double[] components, double before, double after) {
    double product = NonFiniteException.check("Hessian-vector product", before);
    largestProduct = Math.max(largestProduct, Math.sqrt(product));
    projection[size][size] = components[size];
    left = Math.sqrt(after);
    size++;
    exhausted = size == basis.length() || left <= breakdown();
    if (!exhausted && !full()) {
      couple(size - 1, size, left);
    }
  }

  private void couple(int i, int j, double value) {
    projection[i][j] = value;
    projection[j][i] = value;
  }

  private double breakdown() {
    return BREAKDOWN * device.unitRoundoff() * largestProduct;
  }

  /** Norm of the longest product of a basis vector: at most the norm of the operator. */
  double largestProduct() {
    return largestProduct;
  }

  /** Whether the basis spans everything, so that no eigenvalue can be missing. */
  boolean complete() {
    return size == basis.length() && !restarted();
  }

  Ritz ritz() {
    if (restarted()) {
      SymmetricEigen eigen = eigen();
      double[] last = Arrays.stream(eigen.vectors()).mapToDouble(s -> s[size - 1]).toArray();
      return new Ritz(eigen.values(), residuals(eigen.values(), last), null);
    }
    double[] diagonal = IntStream.range(0, size).mapToDouble(i -> projection[i][i]).toArray();
    TridiagonalEigen eigen = TridiagonalEigen.of(diagonal, couplings());
    double[] weights = Arrays.stream(eigen.first()).map(x -> x * x).toArray();
    return new Ritz(eigen.values(), residuals(eigen.values(), eigen.last()), weights);
  }

  private double[] couplings() {
    double[] couplings = new double[size];
    Arrays.setAll(couplings, i -> i + 1 < size ? projection[i + 1][i] : left);
    return couplings;
  }

  private double[] residuals(double[] values, double[] last) {
    double scale = Math.max(Math.abs(values[0]), Math.abs(values[values.length - 1]));
    double noise = ROUNDING * device.unitRoundoff() * scale;
    return Arrays.stream(last).map(s -> Math.max(noise, Math.abs(left * s))).toArray();
  }

  /**
   * What was known before the first restart; of a space that was never restarted, all. The last
   * coupling is not less than what rounding could hide, which makes bounds wider.
   */
  FirstCycle firstCycle() {
    if (restarted()) {
      return firstCycle;
    }
    Ritz ritz = ritz();
    double[] couplings = couplings();
    couplings[size - 1] = Math.max(left, breakdown());
    return new FirstCycle(ritz.values(), ritz.weights(), couplings);
  }

  private SymmetricEigen eigen() {
    double[][] square = new double[size][];
    Arrays.setAll(square, i -> Arrays.copyOf(projection[i], size));
    return SymmetricEigen.of(square);
  }

  /** Keeps the Ritz vectors with the smallest and the largest values, and the pending vector. */
  void restart(int low, int high) {
    firstCycle = firstCycle();
    SymmetricEigen eigen = eigen();
    int[] kept =
        IntStream.concat(IntStream.range(0, low), IntStream.range(size - high, size)).toArray();
    double[] couplings = new double[kept.length];
    Arrays.setAll(couplings, i -> left * eigen.vectors()[kept[i]][size - 1]);
    try (Scope scope = Scope.open()) {
      Vectors vectors = combine(scope, eigen, kept);
      device.algebra().copy(vectors.buffer(), basis.subset(0, kept.length).buffer());
    }
    device.algebra().copy(basis.vector(size), basis.vector(kept.length));
    size = kept.length;
    for (double[] row : projection) {
      Arrays.fill(row, 0);
    }
    for (int i = 0; i < size; i++) {
      projection[i][i] = eigen.values()[kept[i]];
      couple(i, size, couplings[i]);
    }
  }

  /** Ritz vectors in a scope, in the order of the indices. */
  Vectors vectors(Scope scope, int[] wanted) {
    return combine(scope, eigen(), wanted);
  }

  private Vectors combine(Scope scope, SymmetricEigen eigen, int[] wanted) {
    Vectors vectors = device.vectors(scope, wanted.length, basis.length());
    for (int i = 0; i < wanted.length; i++) {
      device.algebra().combine(basis, eigen.vectors()[wanted[i]], vectors.vector(i));
    }
    return vectors;
  }
}
