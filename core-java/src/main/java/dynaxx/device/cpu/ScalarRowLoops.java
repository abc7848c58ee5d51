package dynaxx.device.cpu;

import dynaxx.kernel.Pointwise;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Plain Java, for a JVM without the Vector API; written so that the compiler vectorises what it
 * can.
 */
final class ScalarRowLoops implements RowLoops {

  private static final int ROWS = 4;
  private static final int COLS = 64;
  private static final int LANES = 8;

  @Override
  public String description() {
    return "plain Java";
  }

  @Override
  public int tileRows() {
    return ROWS;
  }

  @Override
  public int tileCols() {
    return COLS;
  }

  @Override
  public void tile(
      boolean byColumns,
      int rows,
      int cols,
      int depth,
      float[] a,
      int aAt,
      float[] b,
      int[] starts,
      int bAt,
      float[] out,
      int outAt,
      int pitch,
      boolean add) {
    float[] row = new float[COLS];
    for (int r = 0; r < rows; r++) {
      Arrays.fill(row, 0);
      for (int p = 0; p < depth; p++) {
        float factor = a[aAt + (byColumns ? p * Gemm.COLUMN_PITCH + r : r * Gemm.PITCH + p)];
        addRow(factor, b, bAt + starts[p], row);
      }
      int to = outAt + r * pitch;
      for (int j = 0; j < COLS; j++) {
        out[to + j] = add ? out[to + j] + row[j] : row[j];
      }
    }
  }

  private static void addRow(float factor, float[] b, int bAt, float[] row) {
    for (int j = 0; j < COLS; j++) {
      row[j] += factor * b[bAt + j];
    }
  }

  @Override
  public int dotLanes() {
    return LANES;
  }

  @Override
  public void dots(
      int n, float[] a, int aAt, int step, float[] b, int first, int second, float[] sums, int at) {
    for (int r = 0; r < DOT_ROWS; r++) {
      for (int j = 0; j < n; j += LANES) {
        addProducts(a, aAt + r * step + j, b, first + j, sums, at + 2 * r * LANES);
        addProducts(a, aAt + r * step + j, b, second + j, sums, at + (2 * r + 1) * LANES);
      }
    }
  }

  private static void addProducts(float[] a, int aAt, float[] b, int bAt, float[] sums, int at) {
    for (int l = 0; l < LANES; l++) {
      sums[at + l] += a[aAt + l] * b[bAt + l];
    }
  }

  @Override
  public void finish(
      float[] tile,
      int rows,
      int cols,
      float alpha,
      float beta,
      float[] bias,
      int biasAt,
      MemorySegment c,
      long offset,
      long ld) {
    for (int r = 0; r < rows; r++) {
      for (int j = 0; j < cols; j++) {
        long at = offset + r * ld + j;
        float value = alpha * tile[r * COLS + j];
        if (beta != 0) {
          value += beta * Host.get(c, at);
        }
        if (bias != null) {
          value += bias[biasAt + j];
        }
        Host.set(c, at, value);
      }
    }
  }

  @Override
  public void activation(Pointwise f, int n, float[] x, float[] y, float[] d1, float[] d2) {
    ScalarFunctions.evaluate(f, n, x, y, d1, d2);
  }

  @Override
  public double expSum(float[] x, int at, int n, double shift) {
    float by = (float) shift;
    double sum = 0;
    for (int i = at; i < at + n; i++) {
      x[i] = (float) Math.exp(x[i] - by);
      sum += x[i];
    }
    return sum;
  }

  @Override
  public void exp(float[] v, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = (float) Math.exp(v[j]);
    }
  }

  @Override
  public double max(float[] x, int at, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = at; i < at + n; i++) {
      max = Math.max(max, x[i]);
    }
    return max;
  }

  @Override
  public double sum(float[] x, int at, int n) {
    double sum = 0;
    for (int i = at; i < at + n; i++) {
      sum += x[i];
    }
    return sum;
  }

  @Override
  public double squares(float[] x, int at, int n, double shift) {
    double sum = 0;
    for (int i = at; i < at + n; i++) {
      double d = x[i] - shift;
      sum += d * d;
    }
    return sum;
  }

  /** Four chains, since one chain of dependent additions would wait for each. */
  @Override
  public double dot(float[] a, int aAt, float[] b, int bAt, int n) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < n; i += 4) {
      s0 += (double) a[aAt + i] * b[bAt + i];
      s1 += (double) a[aAt + i + 1] * b[bAt + i + 1];
      s2 += (double) a[aAt + i + 2] * b[bAt + i + 2];
      s3 += (double) a[aAt + i + 3] * b[bAt + i + 3];
    }
    for (; i < n; i++) {
      s0 += (double) a[aAt + i] * b[bAt + i];
    }
    return (s0 + s1) + (s2 + s3);
  }

  @Override
  public double dot(float[] a, int aAt, float[] b, int bAt, float[] c, int cAt, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += (double) a[aAt + i] * b[bAt + i] * c[cAt + i];
    }
    return sum;
  }

  @Override
  public double dotOfSquares(float[] a, float[] b, float[] c, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += (double) a[i] * b[i] * ((double) c[i] * c[i]);
    }
    return sum;
  }

  @Override
  public double squaredDistance(float[] a, int aAt, float[] b, int bAt, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      double d = (double) a[aAt + i] - b[bAt + i];
      sum += d * d;
    }
    return sum;
  }
}
