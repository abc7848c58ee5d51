package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.Arrays;
import java.util.List;

/**
 * The matrix {@code Q D Q'} with an orthogonal Q that is a Kronecker product of two matrices for
 * each group of each layer, and the unit matrix for all other parameters; D is diagonal. A product
 * costs four small matrix products a layer, and so does one with {@code (Q D Q' + shift I)^-1}.
 */
public final class KroneckerBlocks implements AutoCloseable {

  private final Device device;
  private final List<KroneckerLayer> layers;
  private final long parameters;
  private final Scope scope = Scope.open();
  private final Buffer[] outputBases;
  private final Buffer[] inputBases;
  private final Buffer[] scales;
  private final Buffer rest;
  private final Buffer work;
  private final Buffer other;
  private final Buffer diagonal;
  private double least = Double.POSITIVE_INFINITY;
  private double most = Double.NEGATIVE_INFINITY;
  private double trace;

  KroneckerBlocks(Device device, List<KroneckerLayer> layers, long parameters) {
    this.device = device;
    this.layers = layers;
    this.parameters = parameters;
    int count = layers.size();
    outputBases = new Buffer[count];
    inputBases = new Buffer[count];
    scales = new Buffer[count];
    try {
      long largest = layers.stream().mapToLong(KroneckerLayer::size).max().orElse(1);
      work = device.allocate(scope, largest);
      other = device.allocate(scope, largest);
      diagonal = device.allocate(scope, Math.max(largest, parameters));
      rest = device.allocate(scope, parameters);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  /** Values that it holds. */
  static long values(List<KroneckerLayer> layers, long parameters) {
    long held = 0;
    long largest = 1;
    for (KroneckerLayer layer : layers) {
      held += layer.inputFactors() + layer.outputFactors() + layer.size();
      largest = Math.max(largest, layer.size());
    }
    return held + 2 * largest + Math.max(largest, parameters) + parameters;
  }

  /**
   * Sets the bases of a layer.
   *
   * @param layer which
   * @param outputs for each group orthonormal vectors of as many values as the group has outputs
   * @param inputs the same for its inputs
   */
  public void bases(int layer, double[][][] outputs, double[][][] inputs) {
    outputBases[layer] = upload(outputs);
    inputBases[layer] = upload(inputs);
  }

  private Buffer upload(double[][][] groups) {
    int m = groups[0].length;
    double[] all = new double[Math.multiplyExact(groups.length, m * m)];
    for (int i = 0; i < groups.length * m; i++) {
      System.arraycopy(groups[i / m][i % m], 0, all, i * m, m);
    }
    return upload(all);
  }

  private Buffer upload(double[] values) {
    HostBuffer host = scope.allocate(values.length);
    for (int i = 0; i < values.length; i++) {
      host.set(i, (float) values[i]);
    }
    return device.upload(scope, host.segment());
  }

  /**
   * Sets the diagonal of a layer.
   *
   * @param layer which
   * @param values for each group outputs x inputs values
   */
  public void scales(int layer, double[] values) {
    scales[layer] = upload(values);
    bound(values);
  }

  /** Adds to the diagonal of all other parameters, from one of them on. */
  void rest(long from, double[] values) {
    try (Scope temporary = Scope.open()) {
      HostBuffer host = temporary.allocate(values.length);
      for (int i = 0; i < values.length; i++) {
        host.set(i, (float) values[i]);
      }
      device
          .algebra()
          .axpby(1, device.upload(temporary, host.segment()), 1, rest.slice(from, values.length));
    }
    bound(values);
  }

  /** Takes values into the bounds and the sum of the eigenvalues. */
  private void bound(double[] values) {
    least = Math.min(least, Arrays.stream(values).min().orElse(least));
    most = Math.max(most, Arrays.stream(values).max().orElse(most));
    trace += Arrays.stream(values).sum();
  }

  /**
   * The sum of D.
   *
   * @return the sum of the eigenvalues
   */
  public double trace() {
    return trace;
  }

  /**
   * The smallest entry of D.
   *
   * @return the smallest eigenvalue
   */
  public double least() {
    return least;
  }

  /**
   * The largest entry of D.
   *
   * @return the largest eigenvalue
   */
  public double most() {
    return most;
  }

  /**
   * {@code y = (Q D Q' + shift I) v}.
   *
   * @param shift added to the diagonal
   * @param v n values
   * @param y receives n values; must not overlap v
   */
  public void multiply(double shift, Buffer v, Buffer y) {
    device.kernels().elementwise().multiply(1, parameters, rest, v, y, false);
    for (int i = 0; i < layers.size(); i++) {
      Buffer inner = rotated(i, v);
      long size = layers.get(i).size();
      device.kernels().elementwise().multiply(1, size, scales[i], inner, inner, false);
      rotateBack(i, inner, y);
    }
    device.algebra().axpby(shift, v, 1, y);
  }

  /**
   * {@code x = (Q D Q' + shift I)^-1 b}.
   *
   * @param shift such that no entry of the sum is 0
   * @param b n values
   * @param x receives n values; must not overlap b
   */
  public void solve(double shift, Buffer b, Buffer x) {
    Buffer sums = sums(rest, shift);
    device.kernels().elementwise().divide(1, parameters, 1, sums, b, null, x, false);
    for (int i = 0; i < layers.size(); i++) {
      Buffer inner = rotated(i, b);
      long size = layers.get(i).size();
      Buffer divisors = sums(scales[i], shift);
      device.kernels().elementwise().divide(1, size, 1, divisors, inner, null, inner, false);
      rotateBack(i, inner, x);
    }
  }

  private Buffer sums(Buffer values, double shift) {
    Buffer sums = diagonal.slice(0, values.size());
    device.algebra().fill(sums, shift);
    device.algebra().axpby(1, values, 1, sums);
    return sums;
  }

  /** The layer's part of {@code Q' v}, {@code outputs x inputs} for each group. */
  private Buffer rotated(int i, Buffer v) {
    KroneckerLayer layer = layers.get(i);
    layer.gather(device, v, work);
    int out = layer.outputs();
    int in = layer.inputs();
    Matrix given = Matrix.of(work, layer.byRows() ? in : out);
    Matrix left = basis(outputBases[i], out);
    Matrix right = basis(inputBases[i], in);
    Matrix half = each(Matrix.of(other, in), layer);
    product(layer, out, in, out, left, each(layer.byRows() ? given : given.t(), layer), half);
    product(layer, out, in, in, half, right.t(), each(Matrix.of(work, in), layer));
    return work.slice(0, layer.size());
  }

  /** Writes the layer's part of {@code Q inner}. */
  private void rotateBack(int i, Buffer inner, Buffer y) {
    KroneckerLayer layer = layers.get(i);
    int out = layer.outputs();
    int in = layer.inputs();
    Matrix left = basis(outputBases[i], out);
    Matrix right = basis(inputBases[i], in);
    Matrix half = each(Matrix.of(other, in), layer);
    product(layer, out, in, out, left.t(), each(Matrix.of(inner, in), layer), half);
    if (layer.byRows()) {
      product(layer, out, in, in, half, right, each(Matrix.of(work, in), layer));
    } else {
      product(layer, in, out, in, right.t(), half.t(), each(Matrix.of(work, out), layer));
    }
    layer.scatter(device, work, y);
  }

  /** Vectors of the basis are rows. */
  private static Matrix basis(Buffer vectors, int size) {
    return Matrix.of(vectors, size).batch((long) size * size, 0, 0);
  }

  private static Matrix each(Matrix matrix, KroneckerLayer layer) {
    return matrix.batch((long) layer.outputs() * layer.inputs(), 0, 0);
  }

  private void product(
      KroneckerLayer layer, int m, int n, int depth, Matrix a, Matrix b, Matrix c) {
    device.kernels().gemm().multiply(m, n, depth, 1, a, b, 0, c, null, Members.of(layer.groups()));
  }

  /** Rows of inputs or adjoints in a layer's basis, {@code tokens x width} for each group. */
  void rotate(int i, boolean inputs, Matrix rows, int count, Buffer to) {
    KroneckerLayer layer = layers.get(i);
    int width = inputs ? layer.inputs() : layer.outputs();
    Matrix vectors = basis((inputs ? inputBases : outputBases)[i], width).t();
    Matrix c = Matrix.of(to, width);
    if (layer.stacks()) {
      int all = Math.multiplyExact(count, layer.tokens());
      device.kernels().gemm().multiply(all, width, width, 1, rows, vectors, 0, c);
      return;
    }
    long each = (long) layer.tokens() * width;
    Members members = new Members(count, layer.groups(), 1);
    Matrix shared = vectors.batch(0, vectors.stride0(), 0);
    Matrix results = c.batch(layer.groups() * each, each, 0);
    device
        .kernels()
        .gemm()
        .multiply(layer.tokens(), width, width, 1, rows, shared, 0, results, null, members);
  }

  /** Frees its memory; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }
}
