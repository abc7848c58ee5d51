package dynaxx.cuda;

import dynaxx.backend.ImageKernels;
import dynaxx.backend.LayerKernels;
import dynaxx.backend.Matrix;
import dynaxx.backend.MatrixKernels;
import dynaxx.backend.Pointwise;
import dynaxx.backend.Scalars;
import dynaxx.backend.Strided;
import dynaxx.backend.VectorKernels;
import dynaxx.backend.Walk;
import dynaxx.cuda.internal.Blas;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import java.util.List;

/** All kernels of one precision, each handed to its family. */
abstract class CudaKernels implements MatrixKernels, LayerKernels, ImageKernels, VectorKernels {

  private final Gemm gemm;
  private final Elementwise elementwise;
  private final Norms norms;
  private final Softmax softmax;
  private final Rows rows;
  private final Strides strides;
  private final Algebra algebra;
  private final Convolutions convolutions;
  private final Pools pools;
  private final ChannelNorms channelNorms;

  CudaKernels(Kernels kernels, Blas.Type type, boolean split) {
    gemm = new Gemm(kernels, type, split);
    elementwise = new Elementwise(kernels);
    norms = new Norms(kernels);
    softmax = new Softmax(kernels);
    rows = new Rows(kernels);
    strides = new Strides(kernels);
    algebra = new Algebra(kernels);
    convolutions = new Convolutions(kernels, gemm);
    pools = new Pools(kernels);
    channelNorms = new ChannelNorms(kernels);
  }

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
    elementwise.activationBackward(f, n, x, dy, dx, add);
  }

  @Override
  public void activationTangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry) {
    elementwise.activationTangent(f, k, n, x, rx, ry);
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
    norms.norm(s, x, gamma, beta, y, stats);
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
    norms.normBackward(s, x, stats, gamma, dy, dx, add, dgamma, dbeta);
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
    norms.normTangent(s, k, x, stats, gamma, rx, rgamma, rbeta, ry);
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
    norms.normTangentBackward(
        s, k, x, stats, gamma, dy, rx, rgamma, rdy, rdx, add, rdgamma, rdbeta);
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
    norms.normCurvature(s, k, x, stats, gamma, dy, rx, rgamma, c);
  }

  @Override
  public void softmax(long rowCount, int cols, boolean causal, Buffer a, Buffer p) {
    softmax.softmax(rowCount, cols, causal, a, p);
  }

  @Override
  public void softmaxBackward(long rowCount, int cols, Buffer p, Buffer dp, Buffer da) {
    softmax.softmaxBackward(rowCount, cols, p, dp, da);
  }

  @Override
  public void softmaxTangent(int k, long rowCount, int cols, Buffer p, Buffer ra, Buffer rp) {
    softmax.softmaxTangent(k, rowCount, cols, p, ra, rp);
  }

  @Override
  public void softmaxTangentBackward(
      int k, long rowCount, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda) {
    softmax.softmaxTangentBackward(k, rowCount, cols, p, dp, rp, rdp, rda);
  }

  @Override
  public void softmaxCurvature(
      int k, long rowCount, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c) {
    softmax.softmaxCurvature(k, rowCount, cols, p, dp, ra, c);
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
    strides.rearrange(walk, scale, from, to, add);
  }

  @Override
  public void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add) {
    strides.select(k, n, mask, a, b, y, add);
  }

  @Override
  public void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask) {
    strides.compare(greater, n, a, b, mask);
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
  public List<Projection> orthonormalise(List<Vectors> bases, int[] counts, Vectors w) {
    return algebra.orthonormalise(bases, counts, w);
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
    convolutions.convolve(s, k, x, w, bias, y, add);
  }

  @Override
  public void convolveInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add) {
    convolutions.convolveInput(s, k, dy, w, dx, add);
  }

  @Override
  public void convolveWeight(
      Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias) {
    convolutions.convolveWeight(s, k, x, dy, dw, dbias);
  }

  @Override
  public void maxPool(Pooling s, Buffer x, Buffer y, Buffer index) {
    pools.maxPool(s, x, y, index);
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
    pools.averagePool(s, padding, x, y);
  }

  @Override
  public void averagePoolBackward(Pooling s, boolean padding, Buffer dy, Buffer dx, boolean add) {
    pools.averagePoolBackward(s, padding, dy, dx, add);
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
    channelNorms.channelNorm(s, given, x, gamma, beta, y, stats);
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
    channelNorms.channelNormBackward(s, x, stats, gamma, dy, dx, add, dgamma, dbeta);
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
    channelNorms.channelNormTangent(s, k, x, stats, gamma, rx, rgamma, rbeta, ry);
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
    channelNorms.channelNormTangentBackward(
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
    channelNorms.channelNormCurvature(s, k, x, stats, gamma, dy, rx, rgamma, c);
  }
}
