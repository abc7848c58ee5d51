package dynaxx.backend.cpu;

import dynaxx.backend.Backend;
import dynaxx.backend.Matrix;
import dynaxx.backend.Pointwise;
import dynaxx.backend.Scalars;
import dynaxx.backend.Strided;
import dynaxx.backend.Walk;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Computes in host memory and in float64, for certificates: every kernel the plain loop of its
 * definition. It shares the threads of the float32 backend that made it and ends with it; like one
 * backend, the two are used by one thread at a time.
 */
final class Float64Backend implements Backend {

  private final WorkerPool pool;
  private final long memoryLimit;
  private final Float64Gemm gemm;
  private final Float64Elementwise elementwise;
  private final Float64Norms norms;
  private final Float64Softmax softmax;
  private final Float64Rows rows;
  private final Float64Strides strided;
  private final Float64Algebra algebra;
  private final Float64Convolutions convolutions;
  private final Pools pools;
  private final ChannelNorms channelNorms;

  Float64Backend(WorkerPool pool, long memoryLimit) {
    this.pool = pool;
    this.memoryLimit = memoryLimit;
    gemm = new Float64Gemm(pool);
    Float64Loops loops = new Float64Loops(pool);
    elementwise = new Float64Elementwise(loops);
    norms = new Float64Norms(loops);
    softmax = new Float64Softmax(loops);
    rows = new Float64Rows(loops);
    strided = new Float64Strides(loops);
    algebra = new Float64Algebra(loops);
    convolutions = new Float64Convolutions(loops);
    pools = new Pools(pool, Wide.FLOAT64);
    channelNorms = new ChannelNorms(pool, Wide.FLOAT64);
  }

  @Override
  public String name() {
    return "cpu64";
  }

  @Override
  public String description() {
    return "float64, plain Java, " + pool.description();
  }

  @Override
  public double unitRoundoff() {
    return 0x1p-53;
  }

  /** Half of what float32 may take, since callers count four bytes for a value. */
  @Override
  public long defaultMemoryLimit() {
    return memoryLimit / 2;
  }

  @Override
  public Buffer allocate(Scope scope, long size) {
    return Float64Buffer.allocate(scope, size);
  }

  @Override
  public Scalars scalars(Scope scope, int size) {
    return new HostScalars(size);
  }

  @Override
  public Buffer upload(Scope scope, MemorySegment values) {
    Float64Buffer buffer = Float64Buffer.allocate(scope, HostBuffer.of(values).size());
    algebra.widen(values, buffer);
    return buffer;
  }

  @Override
  public void download(Buffer from, MemorySegment to) {
    algebra.round(from, to);
  }

  @Override
  public Optional<Backend> float64() {
    return Optional.of(this);
  }

  /** Does nothing: the threads belong to the backend that made this one. */
  @Override
  public void close() {}

  @Override
  public void gemm(
      int m,
      int n,
      int depth,
      double alpha,
      Matrix a,
      Matrix b,
      double beta,
      Matrix c,
      Strided bias,
      Members batch) {
    gemm.gemm(m, n, depth, alpha, a, b, beta, c, bias, batch);
  }

  @Override
  public void addColumnSums(
      int k, long rowCount, long cols, Buffer x, long kStride, long rowStride, Strided out) {
    rows.addColumnSums(k, rowCount, cols, x, kStride, rowStride, out);
  }

  @Override
  public void activation(Pointwise f, long n, Buffer x, Buffer y) {
    elementwise.activation(f, n, x, y);
  }

  @Override
  public void activationBackward(Pointwise f, long n, Buffer x, Buffer dy, Buffer dx, boolean add) {
    elementwise.activationTangent(f, 1, n, x, dy, dx, add);
  }

  @Override
  public void activationTangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry) {
    elementwise.activationTangent(f, k, n, x, rx, ry, false);
  }

  @Override
  public void activationTangentBackward(
      Pointwise f,
      int k,
      long n,
      Buffer x,
      Buffer dy,
      Buffer rx,
      Buffer rdy,
      Buffer rdx,
      boolean add) {
    elementwise.activationTangentBackward(f, k, n, x, dy, rx, rdy, rdx, add);
  }

  @Override
  public void activationCurvature(
      Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
    elementwise.activationCurvature(f, k, n, x, dy, rx, c);
  }

  @Override
  public void norm(Normalization s, Buffer x, Buffer gamma, Buffer beta, Buffer y, Buffer stats) {
    norms.forward(s, x, gamma, beta, y, stats);
  }

  @Override
  public void normBackward(
      Normalization s,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer dx,
      boolean add,
      Buffer dgamma,
      Buffer dbeta) {
    norms.backward(s, x, stats, gamma, dy, dx, add, dgamma, dbeta);
  }

  @Override
  public void normTangent(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer rx,
      Strided rgamma,
      Strided rbeta,
      Buffer ry) {
    norms.tangent(s, k, x, stats, gamma, rx, rgamma, rbeta, ry);
  }

  @Override
  public void normTangentBackward(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Buffer rdy,
      Buffer rdx,
      boolean add,
      Strided rdgamma,
      Strided rdbeta) {
    norms.tangentBackward(s, k, x, stats, gamma, dy, rx, rgamma, rdy, rdx, add, rdgamma, rdbeta);
  }

  @Override
  public void normCurvature(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c) {
    norms.curvature(s, k, x, stats, gamma, dy, rx, rgamma, c);
  }

  @Override
  public void softmax(long rowCount, int cols, boolean causal, Buffer a, Buffer p) {
    softmax.softmax(rowCount, cols, causal, a, p);
  }

  @Override
  public void softmaxBackward(long rowCount, int cols, Buffer p, Buffer dp, Buffer da) {
    softmax.tangent(1, rowCount, cols, p, dp, da);
  }

  @Override
  public void softmaxTangent(int k, long rowCount, int cols, Buffer p, Buffer ra, Buffer rp) {
    softmax.tangent(k, rowCount, cols, p, ra, rp);
  }

  @Override
  public void softmaxTangentBackward(
      int k, long rowCount, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda) {
    softmax.tangentBackward(k, rowCount, cols, p, dp, rp, rdp, rda);
  }

  @Override
  public void softmaxCurvature(
      int k, long rowCount, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c) {
    softmax.curvature(k, rowCount, cols, p, dp, ra, c);
  }

  @Override
  public void rowEntropy(int batch, int heads, int queries, int cols, Buffer p, Scalars sums) {
    softmax.rowEntropy(batch, heads, queries, cols, p, sums);
  }

  @Override
  public void add(long n, Buffer a, Buffer b, Buffer y) {
    elementwise.add(n, a, b, y);
  }

  @Override
  public void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
    elementwise.multiply(k, n, a, b, y, add);
  }

  @Override
  public void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c) {
    elementwise.dots(k, n, alpha, a, b, c);
  }

  @Override
  public void addRow(int k, long rowCount, long cols, Buffer x, Strided w, Buffer y) {
    rows.addRow(k, rowCount, cols, x, w, y);
  }

  @Override
  public void copyRows(
      long rowCount,
      long cols,
      Buffer from,
      long fromOffset,
      long fromStride,
      Buffer to,
      long toOffset,
      long toStride,
      boolean add) {
    rows.copyRows(rowCount, cols, from, fromOffset, fromStride, to, toOffset, toStride, add);
  }

  @Override
  public void meanRows(long groups, int rowCount, int cols, Buffer x, Buffer y) {
    rows.meanRows(groups, rowCount, cols, x, y);
  }

  @Override
  public void meanRowsBackward(
      long groups, int rowCount, int cols, Buffer dy, Buffer dx, boolean add) {
    rows.meanRowsBackward(groups, rowCount, cols, dy, dx, add);
  }

  @Override
  public void gather(int k, long rowCount, int cols, Buffer ids, Strided table, Buffer y) {
    rows.gather(k, rowCount, cols, ids, table, y);
  }

  @Override
  public void scatterAdd(int k, long rowCount, int cols, Buffer ids, Buffer dy, Strided table) {
    rows.scatterAdd(k, rowCount, cols, ids, dy, table);
  }

  @Override
  public void toPatches(Patches s, Buffer x, Buffer patches) {
    rows.toPatches(s, x, patches);
  }

  @Override
  public void fromPatches(Patches s, Buffer patches, Buffer x, boolean add) {
    rows.fromPatches(s, patches, x, add);
  }

  @Override
  public void dropout(
      long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
    elementwise.dropout(n, rate, seed, stream, x, y, add);
  }

  @Override
  public void rearrange(Walk walk, double scale, Buffer from, Buffer to, boolean add) {
    strided.rearrange(walk, scale, from, to, add);
  }

  @Override
  public void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add) {
    strided.select(k, n, mask, a, b, y, add);
  }

  @Override
  public void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask) {
    strided.compare(greater, n, a, b, mask);
  }

  @Override
  public void crossEntropy(
      long rowCount, int classes, double scale, Buffer z, Buffer targets, Buffer p, Scalars loss) {
    softmax.crossEntropy(rowCount, classes, scale, z, targets, p, loss);
  }

  @Override
  public void crossEntropyBackward(
      long rowCount, int classes, double scale, Buffer p, Buffer targets, Buffer dz) {
    softmax.crossEntropyBackward(rowCount, classes, scale, p, targets, dz);
  }

  @Override
  public void crossEntropyTangent(
      int k,
      long rowCount,
      int classes,
      double scale,
      Buffer p,
      Buffer targets,
      Buffer rz,
      Buffer rdz) {
    softmax.crossEntropyTangent(k, rowCount, classes, scale, p, targets, rz, rdz);
  }

  @Override
  public void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss) {
    elementwise.squaredError(n, scale, z, targets, loss);
  }

  @Override
  public void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    elementwise.squaredErrorBackward(n, scale, z, targets, dz);
  }

  @Override
  public void fill(Buffer x, double value) {
    algebra.fill(x, value);
  }

  @Override
  public void copy(Buffer from, Buffer to) {
    algebra.copy(from, to);
  }

  @Override
  public double dot(Buffer a, Buffer b) {
    return algebra.dot(a, b);
  }

  @Override
  public void axpby(double alpha, Buffer x, double beta, Buffer y) {
    algebra.axpby(alpha, x, beta, y);
  }

  @Override
  public double[] project(Vectors basis, int count, Buffer w) {
    return algebra.project(basis, count, w);
  }

  @Override
  public void combine(Vectors basis, double[] coefficients, Buffer y) {
    algebra.combine(basis, coefficients, y);
  }

  @Override
  public void rademacher(long seed, long first, Vectors v) {
    algebra.rademacher(seed, first, v);
  }

  @Override
  public double[] probeDots(long seed, long first, long offset, long size, int count, Strided x) {
    return algebra.probeDots(seed, first, offset, size, count, x);
  }

  @Override
  public double squaredDistance(Buffer a, Buffer b) {
    return algebra.squaredDistance(a, b);
  }

  @Override
  public void convolve(
      Convolution s, int k, Strided x, Strided w, Strided bias, Buffer y, boolean add) {
    convolutions.forward(s, k, x, w, bias, y, add);
  }

  @Override
  public void convolveInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add) {
    convolutions.input(s, k, dy, w, dx, add);
  }

  @Override
  public void convolveWeight(
      Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias) {
    convolutions.weight(s, k, x, dy, dw, dbias);
  }

  @Override
  public void maxPool(Pooling s, Buffer x, Buffer y, Buffer index) {
    pools.max(s, x, y, index);
  }

  @Override
  public void pick(Pooling s, int k, Buffer index, Buffer x, Buffer y) {
    pools.pick(s, k, index, x, y);
  }

  @Override
  public void pickBackward(Pooling s, int k, Buffer index, Buffer dy, Buffer dx, boolean add) {
    pools.pickBackward(s, k, index, dy, dx, add);
  }

  @Override
  public void averagePool(Pooling s, boolean padding, Buffer x, Buffer y) {
    pools.average(s, padding, x, y);
  }

  @Override
  public void averagePoolBackward(Pooling s, boolean padding, Buffer dy, Buffer dx, boolean add) {
    pools.averageBackward(s, padding, dy, dx, add);
  }

  @Override
  public void channelNorm(
      ChannelNormalization s,
      Buffer given,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer y,
      Buffer stats) {
    channelNorms.forward(s, given, x, gamma, beta, y, stats);
  }

  @Override
  public void channelNormBackward(
      ChannelNormalization s,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer dx,
      boolean add,
      Buffer dgamma,
      Buffer dbeta) {
    channelNorms.backward(s, x, stats, gamma, dy, dx, add, dgamma, dbeta);
  }

  @Override
  public void channelNormTangent(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer rx,
      Strided rgamma,
      Strided rbeta,
      Buffer ry) {
    channelNorms.tangent(s, k, x, stats, gamma, rx, rgamma, rbeta, ry);
  }

  @Override
  public void channelNormTangentBackward(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Buffer rdy,
      Buffer rdx,
      boolean add,
      Strided rdgamma,
      Strided rdbeta) {
    channelNorms.tangentBackward(
        s, k, x, stats, gamma, dy, rx, rgamma, rdy, rdx, add, rdgamma, rdbeta);
  }

  @Override
  public void channelNormCurvature(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c) {
    channelNorms.curvature(s, k, x, stats, gamma, dy, rx, rgamma, (HostScalars) c);
  }
}
